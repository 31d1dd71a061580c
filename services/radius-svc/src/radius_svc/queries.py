"""Rows to contract views, always paged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from contracts.common import Page
from contracts.radius import (
    AttemptView,
    NasActivity,
    NasHealth,
    ReconnectView,
    ServiceState,
    SessionView,
)
from servicekit.paging import MOST, page_of
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from radius_svc.control_models import Reconnect, RequestAttempt
from radius_svc.domain.change_rules import SUSPENDED_CLASS_IN_RADACCT
from radius_svc.models import Nas, RadAcct, RadiusAccount
from radius_svc.usecases.following import all_listeners_applied

OPEN = RadAcct.acctstoptime.is_(None)
SILENT_AFTER = timedelta(minutes=15)


def list_service_states(session: Session, service_ids: Sequence[str]) -> list[ServiceState]:
    """One state per id asked for (at most 200)."""
    ids = list(service_ids)[:MOST]
    accounts = {
        account.service_id: account
        for account in session.scalars(select(RadiusAccount).where(RadiusAccount.service_id.in_(ids)))
    }
    rows = session.scalars(
        select(RadAcct).where(RadAcct.service_id.in_(ids), OPEN).order_by(RadAcct.radacctid)
    )
    sessions = {row.service_id: session_view(row) for row in rows}
    newest = max((account.changed_seq for account in accounts.values()), default=0)
    in_force = all_listeners_applied(session, newest)
    return [
        ServiceState(
            service_id=service_id,
            version=accounts[service_id].version if service_id in accounts else 0,
            provisioned=service_id in accounts and in_force,
            session=sessions.get(service_id),
        )
        for service_id in ids
    ]


def list_sessions(
    session: Session, open_only: bool, service_id: str | None, limit: int, after: str | None
) -> Page[SessionView]:
    query = select(RadAcct)
    if open_only:
        query = query.where(OPEN)
    if service_id is not None:
        query = query.where(RadAcct.service_id == service_id)
    cursor = int(after) if after and after.isdigit() else None
    return page_of(session, query, RadAcct.radacctid, session_view, limit=limit, after=cursor)


def count_open_sessions(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(RadAcct).where(OPEN)) or 0


def session_view(row: RadAcct) -> SessionView:
    return SessionView(
        id=str(row.radacctid),
        username=row.username or "",
        service_id=row.service_id,
        router_id=row.router_id,
        acct_session_id=row.acctsessionid,
        framed_ip_address=str(row.framedipaddress) if row.framedipaddress else None,
        calling_station_id=row.callingstationid,
        started_at=row.acctstarttime,
        updated_at=row.acctupdatetime,
        stopped_at=row.acctstoptime,
        input_octets=row.acctinputoctets or 0,
        output_octets=row.acctoutputoctets or 0,
        terminate_cause=row.acctterminatecause,
    )


def list_attempts(session: Session, service_id: str, limit: int, after: str | None) -> Page[AttemptView]:
    query = select(RequestAttempt).where(RequestAttempt.service_id == service_id)
    return page_of(session, query, RequestAttempt.id, attempt_view, limit=limit, after=after)


def attempts_of_change(session: Session, change_id: int) -> list[AttemptView]:
    query = select(RequestAttempt).where(RequestAttempt.change_id == change_id).order_by(RequestAttempt.id)
    return [attempt_view(attempt) for attempt in session.scalars(query)]


def attempt_view(attempt: RequestAttempt) -> AttemptView:
    return AttemptView(
        kind=attempt.kind,
        outcome=attempt.outcome,
        error_cause=attempt.error_cause,
        detail=attempt.detail,
        sent_at=attempt.sent_at,
        answered_at=attempt.answered_at,
    )


def list_reconnects(session: Session, service_id: str, limit: int, after: str | None) -> Page[ReconnectView]:
    query = select(Reconnect).where(Reconnect.service_id == service_id)
    page = page_of(session, query, Reconnect.id, lambda reconnect: reconnect, limit=limit, after=after)
    return Page([_reconnect_view(session, reconnect) for reconnect in page.items], page.next)


def _reconnect_view(session: Session, reconnect: Reconnect) -> ReconnectView:
    redialled_at = _first_start_after(session, reconnect)
    evidence = [at for at in (reconnect.changed_by_coa_at, redialled_at) if at is not None]
    online_at = min(evidence, default=None)
    # A busy process may read the router's answer after the Start that followed it was written down.
    acked_at = reconnect.router_acked_at
    if acked_at is not None and online_at is not None:
        acked_at = min(acked_at, online_at)
    since = reconnect.paid_at or reconnect.released_at
    milliseconds = None if online_at is None else round((online_at - since).total_seconds() * 1000)
    how = None if online_at is None else ("coa" if online_at == reconnect.changed_by_coa_at else "redial")
    return ReconnectView(
        id=reconnect.id,
        service_id=reconnect.service_id,
        payment_id=reconnect.payment_id,
        paid_at=reconnect.paid_at,
        released_at=reconnect.released_at,
        authorized_at=reconnect.authorized_at,
        router_acked_at=acked_at,
        online_at=online_at,
        milliseconds=milliseconds,
        how=how,
    )


def _first_start_after(session: Session, reconnect: Reconnect) -> datetime | None:
    """The first session let in after the release, and before the service's next reconnect."""
    started = func.coalesce(RadAcct.received_at, RadAcct.acctstarttime)
    following = select(func.min(Reconnect.authorized_at)).where(
        Reconnect.service_id == reconnect.service_id, Reconnect.authorized_at > reconnect.authorized_at
    )
    until = session.scalar(following)
    query = select(func.min(started)).where(
        RadAcct.service_id == reconnect.service_id,
        started >= reconnect.authorized_at,
        or_(RadAcct.class_.is_(None), RadAcct.class_ != SUSPENDED_CLASS_IN_RADACCT),
    )
    if until is not None:
        query = query.where(started < until)
    return session.scalar(query)


def list_nas_activity(session: Session, router_ids: Sequence[str], now: datetime) -> list[NasActivity]:
    """One row per id that is a RADIUS client now (at most 200)."""
    ids = list(router_ids)[:MOST]
    counts = select(RadAcct.router_id, func.count()).where(RadAcct.router_id.in_(ids), OPEN)
    open_sessions = dict(session.execute(counts.group_by(RadAcct.router_id)).all())
    clients = session.scalars(select(Nas).where(Nas.router_id.in_(ids)))
    return [
        NasActivity(
            router_id=nas.router_id or "",
            health=_health(nas.last_heard_at, now),
            last_heard_at=nas.last_heard_at,
            open_sessions=open_sessions.get(nas.router_id, 0),
        )
        for nas in clients
    ]


def _health(last_heard_at: datetime | None, now: datetime) -> NasHealth:
    if last_heard_at is None:
        return NasHealth.NEVER_HEARD
    return NasHealth.CONNECTED if now - last_heard_at <= SILENT_AFTER else NasHealth.SILENT
