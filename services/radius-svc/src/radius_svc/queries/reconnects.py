"""Views of reconnects: how long lines took to come back."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.common import Page
from contracts.radius import ReconnectTimes, ReconnectView
from servicekit.paging import page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.domain.reconnect_times import reconnect_times
from radius_svc.models import RadiusAccount, Reconnect
from radius_svc.queries.usage import MOST_DAYS, within
from radius_svc.usecases.reconnects import find_back, milliseconds_until


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
    # A busy process may read the router's answer after the Start that followed it was written down.
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
    """Of the lines paid for in the last `days` (1 to 366) days."""
    days = within(days, MOST_DAYS)
    cases = select(Reconnect.milliseconds).where(Reconnect.paid_at > now - timedelta(days=days))
    return reconnect_times(days, session.scalars(cases))
