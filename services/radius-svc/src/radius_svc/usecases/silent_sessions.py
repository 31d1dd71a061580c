"""Closes sessions that stopped reporting while their router and this server kept working.

The evidence is in radacct, no matter which server wrote it: the newest interim report of the open sessions of
each router. `nas_hearings` stores since when a router has reported without a pause. All times are business
time, as in radacct.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.db import rows_changed
from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from radius_svc.domain.evidence import Evidence
from radius_svc.domain.silence import (
    ALLOWANCE,
    MIN_INTERVAL,
    MISSED_INTERIMS,
    Hearing,
    Silence,
    hearing_at,
    is_over,
)
from radius_svc.models import IS_OPEN, NasHearing, RadAcct, RadGroupReply, RadReply, RadUserGroup
from radius_svc.protocol.attribute_names import ACCT_INTERIM_INTERVAL

BATCH = 500

# Router id and NAS-IP-Address: several routers may send through one that forwards their packets.
NasKey = tuple[str, str]


@dataclass(frozen=True)
class Silent:
    """A session that has not reported for long enough that it may be over."""

    radacctid: int
    nas: NasKey
    username: str
    last_heard_at: datetime
    has_reported: bool
    measured_seconds: int | None


def newest_reports(session: Session, now: datetime) -> dict[NasKey, datetime]:
    """The newest interim report of the open sessions of each router. Reports from the future are ignored."""
    query = (
        select(RadAcct.router_id, RadAcct.nasipaddress, func.max(RadAcct.acctupdatetime))
        .where(
            IS_OPEN,
            RadAcct.acctsessiontime > 0,  # a Start has none
            RadAcct.acctupdatetime <= now + ALLOWANCE,
        )
        .group_by(RadAcct.router_id, RadAcct.nasipaddress)
    )
    reports: dict[NasKey, datetime] = {}
    for router_id, address, newest in session.execute(query):
        if newest is not None:
            reports[router_id or "", str(address)] = newest
    return reports


def note_hearings(session: Session, reports: dict[NasKey, datetime], now: datetime) -> dict[NasKey, Hearing]:
    """Store since when each router has reported without a pause, and delete the rows of other routers."""
    known = {(row.router_id, row.nas_ip_address): row for row in session.scalars(select(NasHearing))}
    heard: dict[NasKey, Hearing] = {}
    for key, newest in reports.items():
        row = known.pop(key, None)
        before = None if row is None else Hearing(row.steady_since, row.looked_at)
        hearing = hearing_at(before, last_report_at=newest, now=now)
        if hearing is not None:
            heard[key] = hearing
            row = row or NasHearing(router_id=key[0], nas_ip_address=key[1])
            row.steady_since, row.looked_at = hearing.steady_since, hearing.looked_at
            session.add(row)
        elif row is not None:
            session.delete(row)
    for row in known.values():
        session.delete(row)
    return heard


def silent_sessions(session: Session, after: int, now: datetime) -> tuple[list[Silent], int | None]:
    """A batch of open sessions after `after` that have been silent for at least the minimum, and the next
    `after`.

    The next `after` is None if there are no more.
    """
    limit = now - MISSED_INTERIMS * MIN_INTERVAL - ALLOWANCE
    heard_at = func.coalesce(RadAcct.acctupdatetime, RadAcct.acctstarttime)
    query = select(
        RadAcct.radacctid,
        RadAcct.router_id,
        RadAcct.nasipaddress,
        RadAcct.username,
        heard_at.label("last_heard_at"),
        RadAcct.acctsessiontime,
        RadAcct.acctinterval,
    ).where(RadAcct.acctstoptime.is_(None), RadAcct.radacctid > after, heard_at < limit)
    rows = session.execute(query.order_by(RadAcct.radacctid).limit(BATCH)).all()
    return [_silent(row) for row in rows], rows[-1].radacctid if len(rows) == BATCH else None


def _silent(row: Row) -> Silent:
    return Silent(
        radacctid=row.radacctid,
        nas=(row.router_id or "", str(row.nasipaddress)),
        username=row.username or "",
        last_heard_at=row.last_heard_at,
        has_reported=bool(row.acctsessiontime),
        measured_seconds=row.acctinterval,
    )


def over(
    session: Session, silent: Sequence[Silent], hearings: dict[NasKey, Hearing], now: datetime
) -> list[Silent]:
    """The sessions among `silent` whose silence proves that they are over."""
    candidates = [each for each in silent if each.nas in hearings]
    configured = configured_intervals(session, {each.username for each in candidates})
    return [
        each
        for each in candidates
        if is_over(
            Silence(
                last_heard_at=each.last_heard_at,
                has_reported=each.has_reported,
                configured_seconds=configured.get(each.username),
                measured_seconds=each.measured_seconds,
            ),
            hearings[each.nas],
            now,
        )
    ]


def configured_intervals(session: Session, usernames: Iterable[str]) -> dict[str, int]:
    """The longest Acct-Interim-Interval that each login, or one of its groups, is given, in seconds."""
    names = list(usernames)
    own = select(RadReply.username, RadReply.value).where(
        RadReply.username.in_(names), RadReply.attribute == ACCT_INTERIM_INTERVAL
    )
    of_groups = (
        select(RadUserGroup.username, RadGroupReply.value)
        .join(RadGroupReply, RadGroupReply.groupname == RadUserGroup.groupname)
        .where(RadUserGroup.username.in_(names), RadGroupReply.attribute == ACCT_INTERIM_INTERVAL)
    )
    longest: dict[str, int] = {}
    for query in (own, of_groups) if names else ():
        for username, value in session.execute(query):
            if value.isascii() and value.isdigit():
                longest[username] = max(longest.get(username, 0), int(value))
    return longest


def close(session: Session, ended: Iterable[Silent]) -> int:
    """Close these sessions as of their last report. Returns how many were closed.

    Leaves out sessions that have reported since, and rows the listener is writing at the moment.
    """
    last_heard = {each.radacctid: each.last_heard_at for each in ended}
    if not last_heard:
        return 0
    still_open = select(
        RadAcct.radacctid, func.coalesce(RadAcct.acctupdatetime, RadAcct.acctstarttime).label("heard_at")
    ).where(RadAcct.radacctid.in_(last_heard), RadAcct.acctstoptime.is_(None))
    rows = session.execute(still_open.with_for_update(skip_locked=True)).all()
    ids = [row.radacctid for row in rows if row.heard_at == last_heard[row.radacctid]]
    closing = update(RadAcct).where(RadAcct.radacctid.in_(ids), RadAcct.acctstoptime.is_(None))
    return rows_changed(
        session,
        closing.values(
            acctstoptime=func.coalesce(RadAcct.acctupdatetime, RadAcct.acctstarttime),
            acctterminatecause="Lost-Carrier",
            closed_on_evidence=Evidence.MISSED_INTERIMS,
        ),
    )
