"""SQL conditions on open sessions: whether they were let in fenced, and what our CoAs have changed since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contracts.radius import RequestKind, RequestOutcome
from sqlalchemy import ColumnElement, Exists, ScalarSelect, and_, exists, func, or_, select

from radius_svc.domain import change_rules
from radius_svc.models import ChangeKind, RadAcct, RadiusAccount, RequestAttempt, SessionChange

# A Start is written after the Accept it belongs to. A session that started up to this long after a suspension
# may have been let in before it.
LET_IN_BEFORE = timedelta(seconds=30)


def fence_lifted_by_coa() -> Exists:
    """Whether the NAS acknowledged a CoA that took the session out of the walled garden."""
    return exists().where(*_acknowledged_coa(), RequestAttempt.suspended.is_(False))


def is_free() -> ColumnElement[bool]:
    """Whether the session was let in unfenced, and no CoA has fenced it since."""
    fenced_by_coa = exists().where(*_acknowledged_coa(), RequestAttempt.suspended)
    let_in_free = or_(RadAcct.class_.is_(None), RadAcct.class_ != change_rules.SUSPENDED_CLASS_IN_RADACCT)
    return and_(let_in_free, ~fenced_by_coa)


def reported_gone_at() -> ScalarSelect[datetime | None]:
    """When the NAS last reported that the session is gone, in answer to a CoA or Disconnect-Request."""
    query = select(func.max(RequestAttempt.answered_at)).where(
        RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
        RequestAttempt.kind != RequestKind.PROBE,
        or_(
            and_(
                RequestAttempt.kind == RequestKind.DISCONNECT,
                RequestAttempt.outcome == RequestOutcome.ACKED,
            ),
            RequestAttempt.error_cause == change_rules.SESSION_CONTEXT_NOT_FOUND,
        ),
    )
    return query.correlate(RadAcct).scalar_subquery()


def changed_at() -> ScalarSelect[datetime]:
    """When the account changed last."""
    query = select(func.min(SessionChange.authorized_at)).where(
        SessionChange.service_id == RadiusAccount.service_id,
        SessionChange.authorized_seq >= RadiusAccount.changed_seq,
        SessionChange.kind != ChangeKind.PROBE,
    )
    return query.correlate(RadiusAccount).scalar_subquery()


def may_be_let_in_before(live: RadAcct, changed_at: datetime | None) -> bool:
    """Whether the session may have been let in before the change, judging by its Start."""
    started_at = live.received_at or live.acctstarttime
    return changed_at is not None and started_at is not None and started_at < changed_at + LET_IN_BEFORE


def _acknowledged_coa() -> tuple[Any, ...]:
    return (
        RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
        RequestAttempt.kind == RequestKind.COA,
        RequestAttempt.outcome == RequestOutcome.ACKED,
    )
