"""Sessions that stopped reporting are closed, if the silence is theirs and not their router's or ours.

The evidence is in radacct, whoever wrote it: of each router, the newest interim report of its open sessions.
`nas_hearings` keeps since when there was no pause in them. Times are business time, as they are in radacct.
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
    LEAST_INTERVAL,
    MISSED_INTERIMS,
    Hearing,
    Silence,
    hearing_at,
    is_over,
)
from radius_svc.models import IS_OPEN, NasHearing, RadAcct, RadGroupReply, RadReply, RadUserGroup
from radius_svc.protocol.attribute_names import ACCT_INTERIM_INTERVAL

BATCH = 500

# A router as its sessions name it: also behind one that passes on for others.
NasKey = tuple[str, str]


@dataclass(frozen=True)
class Silent:
    """A session nothing was heard of for long enough that it may be over."""

    radacctid: int
    nas: NasKey
    username: str
    last_heard_at: datetime
    has_reported: bool
    measured_seconds: int | None


def newest_reports(session: Session, now: datetime) -> dict[NasKey, datetime]:
    """The newest interim report of each router's open sessions. One from the future says nothing."""
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
    """Write down since when each router is heard without a pause; what is known of the others goes."""
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
    """A batch of open sessions after `after` that were silent for the shortest patience.

    And where the next batch begins; None when there are no more.
    """
    limit = now - MISSED_INTERIMS * LEAST_INTERVAL - ALLOWANCE
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
    """Those of them whose silence proves that they ended."""
    candidates = [each for each in silent if each.nas in hearings]
    told = told_intervals(session, {each.username for each in candidates})
    return [
        each
        for each in candidates
        if is_over(
            Silence(
                last_heard_at=each.last_heard_at,
                has_reported=each.has_reported,
                told_seconds=told.get(each.username),
                measured_seconds=each.measured_seconds,
            ),
            hearings[each.nas],
            now,
        )
    ]


def told_intervals(session: Session, usernames: Iterable[str]) -> dict[str, int]:
    """The longest Acct-Interim-Interval that each login, or a group of it, is given."""
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
    """Close these sessions as of when they were heard of last; returns how many it were.

    What reports meanwhile stays open, and a row the listener is writing to is left for the next time.
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
