"""What goes through each line, day by day, from the counters of its sessions.

Each session has a mark: how much of it is counted. What its counters are beyond that is added to its day in
the transaction that moves the mark, so nothing is counted twice. The caller holds a lease in each of these
transactions. The accounting path knows nothing of this.
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

from radius_svc.domain.usage import last_word, new_octets
from radius_svc.models import LIVE_ACCOUNT, DailyUsage, RadAcct, RadiusAccount, UsageMark, UsageProgress

BATCH = 500
# A session that we closed on evidence may get its Stop late, or turn out to live.
KEPT_AFTER_EVIDENCE = timedelta(days=2)

_DAYS: Table = DailyUsage.__table__  # type: ignore[assignment]
_MARKS: Table = UsageMark.__table__  # type: ignore[assignment]


def newest_session(session: Session) -> int:
    return session.scalar(select(func.max(RadAcct.radacctid))) or 0


def unmarked_sessions(session: Session) -> list[int]:
    """A batch of sessions of which nothing is counted yet, oldest first; empty when none is left."""
    query = (
        select(RadAcct.radacctid)
        .outerjoin(UsageMark, UsageMark.radacctid == RadAcct.radacctid)
        .where(RadAcct.radacctid > _progress(session).counted_to, UsageMark.radacctid.is_(None))
    )
    return list(session.scalars(query.order_by(RadAcct.radacctid).limit(BATCH)))


def changed_sessions(session: Session, after: int, *, now: datetime) -> tuple[list[int], int | None]:
    """Of a batch of marks after `after`: the sessions that have changed since, and where the next one begins.

    The second is None when there are no more marks.
    """
    query = _sessions_and_marks().where(UsageMark.final.is_(False), UsageMark.radacctid > after)
    rows = session.execute(query.order_by(UsageMark.radacctid).limit(BATCH)).all()
    changed = [row.radacctid for row in rows if _counters(row) != _counted(row) or _is_final(row, now)]
    return changed, rows[-1].radacctid if len(rows) == BATCH else None


def count(session: Session, ids: Sequence[int], *, now: datetime, zone: ZoneInfo) -> None:
    """Add what is new in these sessions to their days, and move their marks."""
    query = _sessions_and_marks(outer=True).where(RadAcct.radacctid.in_(ids))
    rows = session.execute(query.order_by(RadAcct.radacctid)).all()
    services = _services_of_names(session, [row.username for row in rows if row.service_id is None])
    days: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        service_id = row.service_id or services.get(row.username)
        if service_id is None:  # a login of the router's own
            continue
        at = last_word(row.acctupdatetime, row.acctstoptime) or now
        usage = days[service_id, local_date(at, zone)]
        for number, (counted, counter) in enumerate(zip(_counted(row), _counters(row), strict=True)):
            usage[number] += new_octets(counted, counter)
    _add_to_days(session, days)
    _move_marks(session, rows, now)


def finish_pass(session: Session, newest: int) -> None:
    """`newest` was the newest session when this pass began: at the next one all up to it have marks."""
    progress = _progress(session)
    progress.counted_to, progress.seen_to = progress.seen_to, newest
    session.merge(progress)


def forget_marks(session: Session) -> int:
    """Delete a batch of marks of sessions that cannot change. Returns how many there were."""
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
    """Down and up, as the subscriber sees it: what the NAS put out is what the subscriber got."""
    return row.acctoutputoctets or 0, row.acctinputoctets or 0


def _counted(row: Row) -> tuple[int, int]:
    return row.download_octets or 0, row.upload_octets or 0


def _is_final(row: Row, now: datetime) -> bool:
    """Whether no packet can change the counters any more."""
    if row.acctstoptime is None:
        return False
    return row.closed_on_evidence is None or row.acctstoptime < now - KEPT_AFTER_EVIDENCE


def _services_of_names(session: Session, names: Sequence[str | None]) -> dict[str, str]:
    """FreeRADIUS writes down the login only."""
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
