"""Probes: asks routers whether the sessions of logins refused for having too many sessions still exist.

FreeRADIUS's checkrad does the same. When a subscriber changes their home router and the Stop of the old
session is lost, the new router gets in at its next dial, not only after the old session has been silent long
enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.radius import RejectReason
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from radius_svc.domain.change_rules import PROBES_COUNTED, pause_before_probe
from radius_svc.models import (
    LIVE_ACCOUNT,
    ChangeKind,
    ChangeStatus,
    RadiusAccount,
    RadPostAuth,
    SessionChange,
)
from radius_svc.usecases.following.changes import request_changes

# A home router keeps dialing, so an older refusal has been repeated or no longer matters.
REFUSED_WITHIN = timedelta(seconds=90)
# Other changes of the same service wait for its probe, so there are never many probes pending.
MAX_PENDING = 25


def refused_logins(session: Session, *, now: datetime) -> dict[str, int]:
    """The services to probe now, with their last changes. At most 25, minus the probes already pending.

    Leaves out services with a pending change, because that change asks the same sessions.
    """
    refused = (
        select(RadiusAccount.service_id, RadiusAccount.changed_seq)
        .join(RadPostAuth, RadPostAuth.username == RadiusAccount.username)
        .where(
            RadPostAuth.authdate > now - REFUSED_WITHIN,
            RadPostAuth.reason == RejectReason.TOO_MANY_SESSIONS,
            LIVE_ACCOUNT,
        )
        .group_by(RadiusAccount.service_id, RadiusAccount.changed_seq)
        .order_by(func.min(RadPostAuth.authdate))
    )
    refusals = dict(session.execute(refused).all())
    if not refusals:  # nearly always
        return {}
    not_now = _changing(session, refusals) | _probed_lately(session, refusals, now)
    ready = [(service_id, seq) for service_id, seq in refusals.items() if service_id not in not_now]
    return dict(ready[: max(0, MAX_PENDING - _pending_probes(session))])


def request_probes(session: Session, *, now: datetime) -> int:
    """Request a probe for each of `refused_logins`. Returns how many there are."""
    return request_changes(session, refused_logins(session, now=now), ChangeKind.PROBE, now=now)


def _pending_probes(session: Session) -> int:
    query = select(func.count()).where(
        SessionChange.status == ChangeStatus.PENDING, SessionChange.kind == ChangeKind.PROBE
    )
    return session.scalar(query) or 0


def _changing(session: Session, service_ids: Iterable[str]) -> set[str]:
    query = select(SessionChange.service_id).where(
        SessionChange.service_id.in_(service_ids), SessionChange.status == ChangeStatus.PENDING
    )
    return set(session.scalars(query))


def _probed_lately(session: Session, service_ids: Iterable[str], now: datetime) -> set[str]:
    asked = (
        select(SessionChange.service_id, func.count(), func.max(SessionChange.authorized_at))
        .where(
            SessionChange.service_id.in_(service_ids),
            SessionChange.kind == ChangeKind.PROBE,
            SessionChange.authorized_at > now - PROBES_COUNTED,
        )
        .group_by(SessionChange.service_id)
    )
    return {
        service_id
        for service_id, probes, last_at in session.execute(asked)
        if now - last_at < pause_before_probe(probes)
    }
