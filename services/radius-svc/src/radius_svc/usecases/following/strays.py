"""Finds sessions that did not follow their service, and has their routers asked again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from radius_svc.domain import change_rules
from radius_svc.models import (
    IS_OPEN,
    LIVE_ACCOUNT,
    ChangeKind,
    ChangeStatus,
    RadAcct,
    RadiusAccount,
    SessionChange,
)
from radius_svc.usecases.following import evidence
from radius_svc.usecases.following.changes import request_changes

# An interim report this much later than an acknowledged disconnect shows that the session still exists.
STILL_ALIVE_AFTER = timedelta(seconds=5)
MAX_STRAYS = 500


def strays(session: Session) -> dict[str, int]:
    """The services with a session that did not follow, by the evidence, and their last changes. At most 500.

    Three kinds of session are strays:
    - still fenced: it carries the suspended Class although its service is active;
    - too free: it has full access although its service was suspended or terminated after, or just before, its
      Start;
    - still alive: it sent an interim report after its NAS had said that it is gone.

    Once a NAS has said so, only an interim report is evidence, so no router is asked over and over.
    """
    has_pending_change = exists().where(
        SessionChange.service_id == RadiusAccount.service_id, SessionChange.status == ChangeStatus.PENDING
    )
    gone_at = evidence.reported_gone_at()
    still_fenced = and_(
        RadAcct.class_ == change_rules.SUSPENDED_CLASS_IN_RADACCT,
        RadiusAccount.suspended.is_(False),
        LIVE_ACCOUNT,
        ~evidence.fence_lifted_by_coa(),
    )
    too_free = or_(RadiusAccount.terminated, and_(RadiusAccount.suspended, evidence.is_free()))
    still_alive = RadAcct.acctupdatetime > gone_at
    rows = session.execute(
        select(RadiusAccount, RadAcct, gone_at, still_fenced, evidence.changed_at())
        .join(RadAcct, RadAcct.service_id == RadiusAccount.service_id)
        .where(
            IS_OPEN,
            ~has_pending_change,
            or_(and_(or_(still_fenced, too_free), gone_at.is_(None)), still_alive),
        )
        .order_by(RadAcct.radacctid.desc())
        .limit(MAX_STRAYS)
    ).all()
    return {
        account.service_id: account.changed_seq
        for account, live, gone, is_fenced, changed_at in rows
        if _did_not_follow(live, gone, is_fenced, changed_at)
    }


def _did_not_follow(
    live: RadAcct, gone_at: datetime | None, is_fenced: bool, changed_at: datetime | None
) -> bool:
    """The rest of the rule, which the query does not express: how late the evidence must be."""
    if gone_at is not None:
        return live.acctupdatetime is not None and live.acctupdatetime > gone_at + STILL_ALIVE_AFTER
    return is_fenced or evidence.may_be_let_in_before(live, changed_at)


def request_changes_of_strays(session: Session, *, now: datetime) -> int:
    """Request another change for each service with a stray. Returns how many services there are."""
    return request_changes(session, strays(session), ChangeKind.AUTHORIZATION, now=now)
