"""Counts the daily usage of each service from the counters of its sessions.

Each session has a mark that says how much of it has been counted. What its counters show beyond the mark is
added to the day in the same transaction that moves the mark, so nothing is counted twice. The caller holds a
lease in each of these transactions. The accounting path is not involved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from servicekit.clock import local_date
from servicekit.db import rows_changed
from sqlalchemy import Row, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from radius_svc.domain.usage import latest, new_octets
from radius_svc.models import LIVE_ACCOUNT, DailyUsage, RadAcct, RadiusAccount, UsageMark, UsageProgress

BATCH = 500
# The Stop of a session that we closed on evidence may come late, or the session may turn out to be alive.
KEPT_AFTER_EVIDENCE = timedelta(days=2)

_DAYS: Table = DailyUsage.__table__  # type: ignore[assignment]
_MARKS: Table = UsageMark.__table__  # type: ignore[assignment]


def newest_session(session: Session) -> int:
    """The highest `radacctid`; 0 if there are no sessions."""
    return session.scalar(select(func.max(RadAcct.radacctid))) or 0


def unmarked_sessions(session: Session) -> list[int]:
    """A batch of sessions that have no mark yet, oldest first; empty if there are no more."""
    query = (
        select(RadAcct.radacctid)
        .outerjoin(UsageMark, UsageMark.radacctid == RadAcct.radacctid)
        .where(RadAcct.radacctid > _progress(session).counted_to, UsageMark.radacctid.is_(None))
    )
    return list(session.scalars(query.order_by(RadAcct.radacctid).limit(BATCH)))


def changed_sessions(session: Session, after: int, *, now: datetime) -> tuple[list[int], int | None]:
    """The sessions that have changed, among a batch of marks after `after`, and where the next batch starts.

    The second value is None if there are no more marks.
    """
    query = _sessions_and_marks().where(UsageMark.final.is_(False), UsageMark.radacctid > after)
    rows = session.execute(query.order_by(UsageMark.radacctid).limit(BATCH)).all()
    changed = [row.radacctid for row in rows if _counters(row) != _counted(row) or _is_final(row, now)]
    return changed, rows[-1].radacctid if len(rows) == BATCH else None


def count(session: Session, ids: Sequence[int], *, now: datetime, zone: ZoneInfo) -> None:
    """Add the new usage of these sessions to their days, and move their marks."""
    query = _sessions_and_marks(outer=True).where(RadAcct.radacctid.in_(ids))
    rows = session.execute(query.order_by(RadAcct.radacctid)).all()
    services = _services_of_names(session, [row.username for row in rows if row.service_id is None])
    days: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        service_id = row.service_id or services.get(row.username)
        if service_id is None:  # a login the router knows, but we do not
            continue
        at = latest(row.acctupdatetime, row.acctstoptime) or now
        usage = days[service_id, local_date(at, zone)]
        for number, (counted, counter) in enumerate(zip(_counted(row), _counters(row), strict=True)):
            usage[number] += new_octets(counted, counter)
    _add_to_days(session, days)
    _move_marks(session, rows, now)


def finish_pass(session: Session, newest: int) -> None:
    """Record how far this pass went. `newest` was the newest session when it started: by the next pass, all
    sessions up to it have marks."""
    progress = _progress(session)
    progress.counted_to, progress.seen_to = progress.seen_to, newest
    session.merge(progress)


def delete_final_marks(session: Session) -> int:
    """Delete a batch of marks of sessions that cannot change. Returns how many were deleted."""
    old = select(UsageMark.radacctid).where(
        UsageMark.final, UsageMark.radacctid <= _progress(session).counted_to
    )
    return rows_changed(session, delete(UsageMark).where(UsageMark.radacctid.in_(old.limit(BATCH))))


def _progress(session: Session) -> UsageProgress:
    return session.get(UsageProgress, 1) or UsageProgress(id=1, counted_to=0, seen_to=0)


def _sessions_and_marks(*, outer: bool = False) -> Any:
    return select(
        RadAcct.radacctid,
        RadAcct.username,
        RadAcct.service_id,
        RadAcct.acctupdatetime,
        RadAcct.acctstoptime,
        RadAcct.closed_on_evidence,
        RadAcct.acctoutputoctets,
        RadAcct.acctinputoctets,
        UsageMark.download_octets,
        UsageMark.upload_octets,
    ).join(UsageMark, UsageMark.radacctid == RadAcct.radacctid, isouter=outer)


def _counters(row: Row) -> tuple[int, int]:
    """Download and upload as the subscriber sees them: the NAS's output is the subscriber's download."""
    return row.acctoutputoctets or 0, row.acctinputoctets or 0


def _counted(row: Row) -> tuple[int, int]:
    return row.download_octets or 0, row.upload_octets or 0


def _is_final(row: Row, now: datetime) -> bool:
    """Whether no packet can change the counters anymore."""
    if row.acctstoptime is None:
        return False
    return row.closed_on_evidence is None or row.acctstoptime < now - KEPT_AFTER_EVIDENCE


def _services_of_names(session: Session, names: Sequence[str | None]) -> dict[str, str]:
    """Service ids by username, for sessions written by FreeRADIUS, which stores the username only."""
    query = select(RadiusAccount.username, RadiusAccount.service_id).where(
        RadiusAccount.username.in_({name for name in names if name}), LIVE_ACCOUNT
    )
    return dict(session.execute(query).all()) if names else {}


def _add_to_days(session: Session, days: dict[tuple[str, date], list[int]]) -> None:
    rows = [
        {"service_id": service_id, "day": day, "download_octets": download, "upload_octets": upload}
        for (service_id, day), (download, upload) in days.items()
        if download or upload
    ]
    if not rows:
        return
    add = _insert(session, _DAYS)
    sums = {name: _DAYS.c[name] + add.excluded[name] for name in ("download_octets", "upload_octets")}
    session.execute(add.on_conflict_do_update(index_elements=["service_id", "day"], set_=sums), rows)


def _move_marks(session: Session, rows: Sequence[Row], now: datetime) -> None:
    marks = []
    for row in rows:
        download, upload = _counters(row)
        marks.append(
            {
                "radacctid": row.radacctid,
                "download_octets": download,
                "upload_octets": upload,
                "final": _is_final(row, now),
            }
        )
    move = _insert(session, _MARKS)
    values = {name: move.excluded[name] for name in ("download_octets", "upload_octets", "final")}
    session.execute(move.on_conflict_do_update(index_elements=["radacctid"], set_=values), marks)


def _insert(session: Session, table: Table) -> Any:
    return (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(table)
