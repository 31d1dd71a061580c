"""Views of refused logins and the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.common import Page
from contracts.radius import RejectQuery, RejectReason, RejectView
from servicekit.paging import Order, page_of, printable
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from radius_svc.models import LIVE_ACCOUNT, REFUSED, RadAcct, RadiusAccount, RadPostAuth
from radius_svc.models.dialects import begins_with, folded
from radius_svc.queries.sessions import IN_MAC_ADDRESS

FEW_REJECTS = 1_000
# Several workers write rows some seconds after the refusal, so ids are not in the order of time.
NEWEST_FIRST = Order(RadPostAuth.authdate, descending=True)


def list_rejects(session: Session, query: RejectQuery, limit: int, after: str | None) -> Page[RejectView]:
    """The newest first. Raises InvalidInput if `after` is not a cursor of this list."""
    rejects = select(RadPostAuth).where(REFUSED)
    if query.since is not None:
        rejects = rejects.where(RadPostAuth.authdate >= query.since)
    if query.service_id is not None:
        newest = _newest_session(session, query.service_id)
        if query.since_on_line and newest is not None:
            rejects = rejects.where(RadPostAuth.authdate > newest.acctstarttime)
        device = newest.callingstationid if newest is not None else None
        rejects = _narrowed(session, rejects, _of_service(session, query.service_id, device))
    beginnings = _beginnings(query.text)
    if beginnings:
        rejects = _narrowed(session, rejects, beginnings)
    page = page_of(
        session, rejects, RadPostAuth.id, lambda row: row, limit=limit, after=after, order=NEWEST_FIRST
    )
    services = _services_by_login(session, {row.username for row in page.items})
    return Page([_reject_view(row, services.get(row.username)) for row in page.items], page.next)


def _narrowed(
    session: Session, rejects: Select[RadPostAuth], alternatives: Sequence[ColumnElement[bool]]
) -> Select[RadPostAuth]:
    """The rejects that match one of the alternatives. There is an index for each of them.

    If few rows match, they are looked up in the index. If many match, a scan of all rejects fills a page
    soon. PostgreSQL cannot tell which is the case and would always scan, so this looks into the index first.
    """
    few: set[int] = set()
    for alternative in alternatives:
        ids = session.scalars(
            rejects.where(alternative).with_only_columns(RadPostAuth.id).limit(FEW_REJECTS + 1)
        ).all()
        if len(ids) > FEW_REJECTS:
            return rejects.where(or_(*alternatives))
        few.update(ids)
    return select(RadPostAuth).where(RadPostAuth.id.in_(few))


def _newest_session(session: Session, service_id: str) -> RadAcct | None:
    began = RadAcct.acctstarttime
    query = select(RadAcct).where(RadAcct.service_id == service_id, began.is_not(None))
    return session.scalars(query.order_by(began.desc()).limit(1)).one_or_none()


def _of_service(session: Session, service_id: str, device: str | None) -> list[ColumnElement[bool]]:
    """Refusals of its username, and of unknown usernames that its device sent (mistyped ones)."""
    account = session.get(RadiusAccount, service_id)
    if account is None:
        return [false()]
    own = RadPostAuth.username == account.username
    if not device:
        return [own]
    known = select(RadiusAccount.username).where(RadiusAccount.username == RadPostAuth.username, LIVE_ACCOUNT)
    mistyped = and_(folded(RadPostAuth.callingstationid) == func.lower(device), ~known.exists())
    return [own, mistyped]


def _beginnings(text: str | None) -> list[ColumnElement[bool]]:
    """The conditions of a search text; empty if there is nothing to search for."""
    text = printable(text).strip()
    if not text:
        return []
    beginnings = [begins_with(folded(RadPostAuth.username), text)]
    if IN_MAC_ADDRESS.issuperset(text):
        beginnings.append(begins_with(folded(RadPostAuth.callingstationid), text))
    return beginnings


def _services_by_login(session: Session, usernames: set[str]) -> dict[str, str]:
    query = select(RadiusAccount.username, RadiusAccount.service_id)
    return dict(session.execute(query.where(RadiusAccount.username.in_(usernames), LIVE_ACCOUNT)).all())


def _reject_view(row: RadPostAuth, service_id: str | None) -> RejectView:
    return RejectView(
        id=str(row.id),
        at=row.authdate,
        username=row.username,
        service_id=service_id,
        calling_station_id=row.callingstationid or None,
        called_station_id=row.calledstationid or None,
        reason=RejectReason(row.reason) if row.reason in set(RejectReason) else None,
        repeats=row.repeats or 1,
    )
