"""Reconnects: how long services took to come back online after a release.

The evidence is the first session that was let in after the release (in radacct, which only the listener
writes), or the router's answer to a CoA.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from contracts.common import Page
from contracts.radius import ReconnectTimes, ReconnectView
from servicekit.db import UtcDateTime
from servicekit.paging import page_of
from sqlalchemy import ScalarSelect, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from radius_svc.domain.change_rules import SUSPENDED_CLASS_IN_RADACCT
from radius_svc.domain.reconnect_times import reconnect_times
from radius_svc.models import RadAcct, RadiusAccount, Reconnect
from radius_svc.models.dialects import day_before
from radius_svc.queries.usage import MAX_DAYS, within

MAX_FOUND = 500
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def list_reconnects(
    session: Session, service_id: str | None, limit: int, after: str | None
) -> Page[ReconnectView]:
    query = select(Reconnect)
    if service_id is not None:
        query = query.where(Reconnect.service_id == service_id)
    page = page_of(session, query, Reconnect.id, lambda case: case, limit=limit, after=after)
    open_ones = [case.id for case in page.items if case.online_at is None]
    back = find_back(session, open_ones) if open_ones else {}
    names = _usernames(session, {case.service_id for case in page.items})
    return Page(
        [
            _reconnect_view(case, names.get(case.service_id, ""), case.online_at or back.get(case.id))
            for case in page.items
        ],
        page.next,
    )


def _usernames(session: Session, service_ids: set[str]) -> dict[str, str]:
    query = select(RadiusAccount.service_id, RadiusAccount.username)
    return dict(session.execute(query.where(RadiusAccount.service_id.in_(service_ids))).all())


def _reconnect_view(case: Reconnect, username: str, online_at: datetime | None) -> ReconnectView:
    # A busy process may read the router's answer after the Start that followed it was stored.
    acked_at = case.router_acked_at
    if acked_at is not None and online_at is not None:
        acked_at = min(acked_at, online_at)
    how = None if online_at is None else ("coa" if online_at == case.changed_by_coa_at else "redial")
    return ReconnectView(
        id=case.id,
        service_id=case.service_id,
        username=username,
        payment_id=case.payment_id,
        paid_at=case.paid_at,
        released_at=case.released_at,
        authorized_at=case.authorized_at,
        router_acked_at=acked_at,
        online_at=online_at,
        milliseconds=None if online_at is None else milliseconds_until(case, online_at),
        how=how,
    )


def get_reconnect_times(session: Session, days: int, *, now: datetime) -> ReconnectTimes:
    """Statistics of the services paid for in the last `days` (1 to 366) days."""
    days = within(days, MAX_DAYS)
    cases = select(Reconnect.milliseconds).where(Reconnect.paid_at > now - timedelta(days=days))
    return reconnect_times(days, session.scalars(cases))


def find_back(
    session: Session, ids: Iterable[str] | None = None, *, authorized_after: datetime | None = None
) -> dict[str, datetime]:
    """The cases that are back online but not yet recorded as such, and since when. At most 500, the newest.

    `ids` and `authorized_after` (the time of the release) restrict which cases are considered.
    """
    redialled_at = _first_start_after()
    query = select(
        Reconnect.id, Reconnect.changed_by_coa_at, redialled_at.label("redialled_at"), Reconnect.authorized_at
    ).where(Reconnect.online_at.is_(None))
    if ids is not None:
        query = query.where(Reconnect.id.in_(ids))
    if authorized_after is not None:
        query = query.where(Reconnect.authorized_at > authorized_after)
    found = query.subquery()
    back = or_(found.c.changed_by_coa_at.is_not(None), found.c.redialled_at.is_not(None))
    evidence = select(found.c.id, found.c.changed_by_coa_at, found.c.redialled_at).where(back)
    rows = session.execute(evidence.order_by(found.c.authorized_at.desc()).limit(MAX_FOUND))
    return {id_: min(at for at in instants if at is not None) for id_, *instants in rows}


def milliseconds_until(reconnect: Reconnect, online_at: datetime) -> int:
    """From the payment, or without one from the release, until the service was online."""
    since = reconnect.paid_at or reconnect.released_at
    return round((online_at - since).total_seconds() * 1000)


def _first_start_after() -> ScalarSelect[datetime]:
    """When the first session was let in after the release and before the next release of the service."""
    started = func.coalesce(RadAcct.received_at, RadAcct.acctstarttime)
    newer = aliased(Reconnect)
    next_one = (
        select(func.min(newer.authorized_at))
        .where(newer.service_id == Reconnect.service_id, newer.authorized_at > Reconnect.authorized_at)
        .correlate(Reconnect)
        .scalar_subquery()
    )
    until = func.coalesce(next_one, literal(FOR_EVER, UtcDateTime))
    return (
        select(func.min(started))
        .where(
            RadAcct.service_id == Reconnect.service_id,
            # Lets the index be used. A Start is received at most a day after it happened (Acct-Delay-Time).
            RadAcct.acctstarttime >= day_before(Reconnect.authorized_at),
            RadAcct.acctstarttime < until,
            started >= Reconnect.authorized_at,
            started < until,
            or_(RadAcct.class_.is_(None), RadAcct.class_ != SUSPENDED_CLASS_IN_RADACCT),
        )
        .correlate(Reconnect)
        .scalar_subquery()
    )
