"""When a line was on line again: the first session let in after its release, or the router's answer to a CoA.

The evidence is in radacct, where only the listener writes. What it shows is noted beside the case once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from servicekit.db import UtcDateTime, rows_changed
from sqlalchemy import ScalarSelect, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from radius_svc.domain.change_rules import SUSPENDED_CLASS_IN_RADACCT
from radius_svc.models import RadAcct, Reconnect
from radius_svc.models.dialects import day_before

BATCH = 500
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def find_back(
    session: Session, ids: Iterable[str] | None = None, *, authorized_after: datetime | None = None
) -> dict[str, datetime]:
    """Of the cases not noted as being back, the ones that are, and since when. At most 500, the newest.

    Only of those with these `ids`, or released after `authorized_after`, if given.
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
    rows = session.execute(evidence.order_by(found.c.authorized_at.desc()).limit(BATCH))
    return {id_: min(at for at in instants if at is not None) for id_, *instants in rows}


def note_back(session: Session, back: dict[str, datetime]) -> int:
    """Write down what `find_back` found. Returns for how many cases it was news."""
    noted = 0
    for reconnect in session.scalars(select(Reconnect).where(Reconnect.id.in_(back))):
        online_at = back[reconnect.id]
        values = {"online_at": online_at, "milliseconds": milliseconds_until(reconnect, online_at)}
        still_open = update(Reconnect).where(Reconnect.id == reconnect.id, Reconnect.online_at.is_(None))
        noted += rows_changed(session, still_open.values(values))
    return noted


def milliseconds_until(reconnect: Reconnect, online_at: datetime) -> int:
    since = reconnect.paid_at or reconnect.released_at
    return round((online_at - since).total_seconds() * 1000)


def _first_start_after() -> ScalarSelect[datetime]:
    """The first session let in after the release, and before the service's next reconnect."""
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
            # For the index: a Start is received at most a day after it happened (Acct-Delay-Time).
            RadAcct.acctstarttime >= day_before(Reconnect.authorized_at),
            RadAcct.acctstarttime < until,
            started >= Reconnect.authorized_at,
            started < until,
            or_(RadAcct.class_.is_(None), RadAcct.class_ != SUSPENDED_CLASS_IN_RADACCT),
        )
        .correlate(Reconnect)
        .scalar_subquery()
    )
