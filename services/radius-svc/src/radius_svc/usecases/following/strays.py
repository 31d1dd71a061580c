"""Sessions that did not follow their service, by the evidence, are asked again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from radius_svc.domain import change_rules
from radius_svc.models import IS_OPEN, ChangeKind, ChangeStatus, RadAcct, RadiusAccount, SessionChange
from radius_svc.usecases.following import evidence
from radius_svc.usecases.following.changes import ask

# An interim this much later than an acknowledged disconnect shows that the session is still there.
STILL_ALIVE_AFTER = timedelta(seconds=5)
MOST = 500


def strays(session: Session) -> dict[str, int]:
    """The services with a session of which the evidence says that it did not follow, and their last changes.

    A session that carries the suspended Class although its service is up; one that does not although its
    service was suspended, or one whose service was terminated, after or just before its Start; or one that
    sent an interim after its NAS had said that it is gone. Once a NAS has said so, only an interim is
    evidence: nobody is asked again and again.
    """
    pending = exists().where(
        SessionChange.service_id == RadiusAccount.service_id, SessionChange.status == ChangeStatus.PENDING
    )
    told_gone = evidence.told_gone_at()
    fenced = and_(
        RadAcct.class_ == change_rules.SUSPENDED_CLASS_IN_RADACCT,
        RadiusAccount.suspended.is_(False),
        RadiusAccount.terminated.is_(False),
        ~evidence.fence_lifted_by_coa(),
    )
    too_free = or_(RadiusAccount.terminated, and_(RadiusAccount.suspended, evidence.is_free()))
    rows = session.execute(
        select(RadiusAccount, RadAcct, told_gone, fenced, evidence.changed_at())
        .join(RadAcct, RadAcct.service_id == RadiusAccount.service_id)
        .where(
            IS_OPEN,
            ~pending,
            or_(and_(or_(fenced, too_free), told_gone.is_(None)), RadAcct.acctupdatetime > told_gone),
        )
        .order_by(RadAcct.radacctid.desc())
        .limit(MOST)
    ).all()
    return {
        account.service_id: account.changed_seq
        for account, live, gone_at, is_fenced, changed_at in rows
        if (
            live.acctupdatetime is not None and live.acctupdatetime > gone_at + STILL_ALIVE_AFTER
            if gone_at
            else is_fenced or evidence.may_be_let_in_before(live, changed_at)
        )
    }


def ask_strays(session: Session, *, now: datetime) -> int:
    """Ask again where a session did not follow. Returns how many services that are."""
    return ask(session, strays(session), ChangeKind.AUTHORIZATION, now=now)
