"""What is old goes, a batch at a time: closed sessions, refused logins, what was asked of routers.

Each batch is found by an index, oldest first, and is a short transaction. An open session is never touched,
nor one of which not everything is in `usage_days` yet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median_low

from servicekit.db import rows_changed
from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from radius_svc.models import (
    RadAcct,
    RadPostAuth,
    Reconnect,
    RequestAttempt,
    SessionChange,
    UsageMark,
    UsageProgress,
)

BATCH = 500
# Reconnects are shown for up to a year back, so they and what they refer to are kept as long.
REQUESTS_KEPT_AT_LEAST = timedelta(days=366)
# One session may have begun long before anybody wrote of it, or carry the time of a clock that is wrong.
_NEIGHBOURS = 25

# Deletes a batch of what is older, and says how many rows that were.
Deletion = Callable[[Session, datetime], int]


def due(now: datetime, *, session_days: int, reject_days: int) -> dict[str, tuple[Deletion, datetime]]:
    """What is to be deleted up to when, by name; 0 days keep it for ever."""
    deletions: dict[str, tuple[Deletion, datetime]] = {}
    if session_days:
        age = timedelta(days=session_days)
        deletions["sessions"] = delete_sessions, now - age
        deletions["requests"] = delete_requests, now - max(age, REQUESTS_KEPT_AT_LEAST)
    if reject_days:
        deletions["rejects"] = delete_rejects, now - timedelta(days=reject_days)
    return deletions


def delete_sessions(session: Session, older_than: datetime) -> int:
    """Closed before then, and counted to the end.

    Sessions are numbered as they are first heard of, so nothing behind the one that began at that moment is
    looked at. What is old already when it is written (a history that is imported behind newer sessions) goes
    when these do.
    """
    last = _last_begun_before(session, older_than)
    counted_to = select(func.coalesce(func.max(UsageProgress.counted_to), 0)).scalar_subquery()
    to_be_counted = exists().where(UsageMark.radacctid == RadAcct.radacctid, UsageMark.final.is_(False))
    old = (
        select(RadAcct.radacctid)
        .where(
            RadAcct.radacctid <= last,
            RadAcct.acctstoptime < older_than,
            RadAcct.radacctid <= counted_to,
            ~to_be_counted,
        )
        .order_by(RadAcct.radacctid)
    )
    ids = _batch(session, old)
    still_closed = RadAcct.acctstoptime < older_than  # a late packet may have opened it again
    return rows_changed(session, delete(RadAcct).where(RadAcct.radacctid.in_(ids), still_closed))


def _last_begun_before(session: Session, moment: datetime) -> int:
    """The number up to which sessions began before then, by halves: an index of when they began would have to
    be kept by every Start and every Stop, and costs a Stop a tenth."""
    # Not in one query: SQLite would read the whole table.
    lowest = session.scalar(select(func.min(RadAcct.radacctid)))
    highest = session.scalar(select(func.max(RadAcct.radacctid)))
    if lowest is None or highest is None:
        return 0
    low, high = lowest - 1, highest
    while low < high:
        middle = (low + high + 1) // 2
        if _begun_about(session, middle, else_=moment) < moment:
            low = middle
        else:
            high = middle - 1
    return low


def _begun_about(session: Session, radacctid: int, *, else_: datetime) -> datetime:
    """When the last sessions up to this number began, so that rather too many are looked at than too few."""
    newest_first = (
        select(RadAcct.acctstarttime).where(RadAcct.radacctid <= radacctid).order_by(RadAcct.radacctid.desc())
    )
    some = [began for began in session.scalars(newest_first.limit(_NEIGHBOURS)) if began is not None]
    return median_low(some or [else_])


def delete_rejects(session: Session, older_than: datetime) -> int:
    old = select(RadPostAuth.id).where(RadPostAuth.authdate < older_than).order_by(RadPostAuth.authdate)
    return rows_changed(session, delete(RadPostAuth).where(RadPostAuth.id.in_(_batch(session, old))))


def delete_requests(session: Session, older_than: datetime) -> int:
    """Changes that ended before then, with their attempts and their reconnects. Returns how many changes.

    What was asked about a session that is still open is evidence (whether its fence was lifted), and stays.
    """
    of_open_session = exists().where(
        RequestAttempt.change_id == SessionChange.id,
        RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
        RadAcct.acctstoptime.is_(None),
    )
    old = (
        select(SessionChange.id)
        .where(SessionChange.finished_at < older_than, ~of_open_session)
        .order_by(SessionChange.finished_at)
    )
    ids = _batch(session, old)
    for model in (RequestAttempt, Reconnect):
        session.execute(delete(model).where(model.change_id.in_(ids)))
    return rows_changed(session, delete(SessionChange).where(SessionChange.id.in_(ids)))


def _batch(session: Session, found: Select[int]) -> list[int]:
    """Rows somebody is writing to are left for the next time: nobody waits for anybody."""
    return list(session.scalars(found.limit(BATCH).with_for_update(skip_locked=True)))
