"""Logins refused for having too many sessions: their routers are asked whether those sessions still live.

As FreeRADIUS's checkrad does, so that a subscriber with another home router, whose Stop was lost, is let in
at the next dial and not when the silence of the old session is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.radius import RejectReason
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from radius_svc.domain.change_rules import PROBES_COUNTED, pause_before_probe
from radius_svc.models import ChangeKind, ChangeStatus, RadiusAccount, RadPostAuth, SessionChange
from radius_svc.usecases.following.changes import request_changes

# The home router dials again all the while: an older refusal has been repeated, or matters to nobody.
REFUSED_WITHIN = timedelta(seconds=90)
# A change of the same login waits for its probe, so there are never many of them waiting.
AT_ONCE = 25


def refused_logins(session: Session, *, now: datetime) -> dict[str, int]:
    """The services whose sessions are to be asked now, with their last changes. At most 25, less those asked.

    None that has a change pending: that one asks the same sessions.
    """
    refused = (
        select(RadiusAccount.service_id, RadiusAccount.changed_seq)
        .join(RadPostAuth, RadPostAuth.username == RadiusAccount.username)
        .where(
            RadPostAuth.authdate > now - REFUSED_WITHIN,
            RadPostAuth.reason == RejectReason.TOO_MANY_SESSIONS,
            RadiusAccount.terminated.is_(False),
        )
        .group_by(RadiusAccount.service_id, RadiusAccount.changed_seq)
        .order_by(func.min(RadPostAuth.authdate))
    )
    waiting = dict(session.execute(refused).all())
    if not waiting:  # nearly always
        return {}
    not_now = _changing(session, waiting) | _asked_lately(session, waiting, now)
    ready = [(service_id, seq) for service_id, seq in waiting.items() if service_id not in not_now]
    return dict(ready[: max(0, AT_ONCE - _probes_waiting(session))])


def ask_refused(session: Session, *, now: datetime) -> int:
    """Have the sessions of refused logins asked. Returns how many logins that are."""
    return request_changes(session, refused_logins(session, now=now), ChangeKind.PROBE, now=now)


def _probes_waiting(session: Session) -> int:
    query = select(func.count()).where(
        SessionChange.status == ChangeStatus.PENDING, SessionChange.kind == ChangeKind.PROBE
    )
    return session.scalar(query) or 0


def _changing(session: Session, service_ids: Iterable[str]) -> set[str]:
    query = select(SessionChange.service_id).where(
        SessionChange.service_id.in_(service_ids), SessionChange.status == ChangeStatus.PENDING
    )
    return set(session.scalars(query))


def _asked_lately(session: Session, service_ids: Iterable[str], now: datetime) -> set[str]:
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
