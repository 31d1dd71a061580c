"""Views of sessions, open and closed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from contracts.common import Page
from contracts.radius import SessionOrder, SessionQuery, SessionView
from servicekit.paging import Order, page_of, printable
from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session

from radius_svc.domain import evidence
from radius_svc.models import IS_OPEN, RadAcct, RadiusAccount
from radius_svc.models.dialects import address_text, begins_with, folded

CLOSED = RadAcct.acctstoptime.is_not(None)
IN_IP_ADDRESS = frozenset("0123456789.")
IN_MAC_ADDRESS = frozenset("0123456789abcdefABCDEF:-.")
FEW_SESSIONS = 1_000


def list_sessions(session: Session, query: SessionQuery, limit: int, after: str | None) -> Page[SessionView]:
    """Sessions in the order the query asks for. Raises InvalidInput for a cursor of another order."""
    page = partial(page_of, session, limit=limit, after=after, order=_order(query.order))
    # Open and closed sessions have separate indexes, and closed ones have one for each kind of text. So read
    # a page from each index. The first rows of all these pages together are the requested page.
    parts = [page(part, RadAcct.radacctid, lambda row: row.radacctid) for part in _parts(session, query)]
    ids = {id_ for part in parts for id_ in part.items}
    found = page(select(RadAcct).where(RadAcct.radacctid.in_(ids)), RadAcct.radacctid, lambda row: row)
    suspended = _suspended(session, {row.service_id for row in found.items if row.service_id})
    views = [session_view(row, suspended=row.service_id in suspended) for row in found.items]
    # A part that has more rows is a full page. If nothing else is on this page, continue where the part does.
    return Page(views, found.next or next((part.next for part in parts if part.next), None))


def _suspended(session: Session, service_ids: set[str]) -> set[str]:
    query = select(RadiusAccount.service_id).where(RadiusAccount.service_id.in_(service_ids))
    return set(session.scalars(query.where(RadiusAccount.suspended)))


def _parts(session: Session, query: SessionQuery) -> Iterator[Select[RadAcct]]:
    sessions = select(RadAcct)
    if query.service_id is not None:
        sessions = sessions.where(RadAcct.service_id == query.service_id)
    if query.router_id is not None:
        sessions = sessions.where(RadAcct.router_id == query.router_id)
    if query.order is SessionOrder.USERNAME:
        sessions = sessions.where(
            RadAcct.username.is_not(None)
        )  # FreeRADIUS may write rows without one; they have no place in this order
    text = printable(query.text).strip()
    beginnings = _beginnings(text)
    yield sessions.where(IS_OPEN, or_(*beginnings))
    if not query.open_only:
        for beginning in beginnings:
            yield _closed(session, sessions.where(CLOSED, beginning)) if text else sessions.where(CLOSED)


def _closed(session: Session, found: Select[RadAcct]) -> Select[RadAcct]:
    """The query by ids if few sessions match, otherwise unchanged.

    If few match, they are looked up in the index of the text. If many match, a scan of all sessions fills a
    page soon. PostgreSQL cannot tell which is the case and would always scan, so this looks into the index
    first.
    """
    few = session.scalars(found.with_only_columns(RadAcct.radacctid).limit(FEW_SESSIONS + 1)).all()
    return select(RadAcct).where(RadAcct.radacctid.in_(few)) if len(few) <= FEW_SESSIONS else found


def _beginnings(text: str) -> list[ColumnElement[bool]]:
    """The conditions of a search text: it may be the start of a username, an IP or a MAC address."""
    if not text:
        return [true()]
    beginnings = [begins_with(folded(RadAcct.username), text)]
    if IN_IP_ADDRESS.issuperset(text):
        beginnings.append(begins_with(address_text(RadAcct.framedipaddress), text))
    if IN_MAC_ADDRESS.issuperset(text):
        beginnings.append(begins_with(folded(RadAcct.callingstationid), text))
    return beginnings


def _order(order: SessionOrder) -> Order:
    if order is SessionOrder.USERNAME:
        return Order(folded(RadAcct.username))  # type: ignore[arg-type]  # an expression is ordered by as well
    return Order(RadAcct.radacctid, descending=order is SessionOrder.NEWEST)


def count_open_sessions(session: Session) -> int:
    """How many sessions are open, of all services."""
    return session.scalar(select(func.count()).select_from(RadAcct).where(IS_OPEN)) or 0


def session_view(row: RadAcct, *, suspended: bool) -> SessionView:
    """`suspended`: whether its service is."""
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
        ended_because=evidence.in_words(row.closed_on_evidence) if row.closed_on_evidence else None,
        suspended=suspended and row.acctstoptime is None,
    )
