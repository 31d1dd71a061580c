"""Deletes old rows in batches: closed sessions, refused logins, requests to routers.

Each batch is a short transaction and uses an index to find the oldest rows. Open sessions are never deleted,
nor sessions whose usage has not been added to `usage_days` completely.
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
# Reconnects can be viewed for the last year, so they and the changes they refer to are kept at least this
# long.
MIN_REQUEST_AGE = timedelta(days=366)
# A single session may have started long before its row was written, or have the time of a wrong clock.
_NEIGHBOURS = 25

# Deletes a batch of rows older than the given time, and returns how many.
Deletion = Callable[[Session, datetime], int]


def due(now: datetime, *, session_days: int, reject_days: int) -> dict[str, tuple[Deletion, datetime]]:
    """By kind of row: how to delete it, and rows older than when. 0 days means that rows are kept forever."""
    deletions: dict[str, tuple[Deletion, datetime]] = {}
    if session_days:
        age = timedelta(days=session_days)
        deletions["sessions"] = delete_sessions, now - age
        deletions["requests"] = delete_requests, now - max(age, MIN_REQUEST_AGE)
    if reject_days:
        deletions["rejects"] = delete_rejects, now - timedelta(days=reject_days)
    return deletions


def delete_sessions(session: Session, older_than: datetime) -> int:
    """Delete a batch of sessions that were closed before `older_than` and whose usage is counted completely.

    Rows are numbered in the order in which sessions were first reported, so only rows up to the one that
    started at that time are searched. Rows that were already old when they were written (a history imported
    after newer sessions) are deleted together with those newer sessions.
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
    still_closed = RadAcct.acctstoptime < older_than  # a late packet may have reopened it
    return rows_changed(session, delete(RadAcct).where(RadAcct.radacctid.in_(ids), still_closed))


def _last_begun_before(session: Session, moment: datetime) -> int:
    """The highest `radacctid` of the sessions that started before then, found by binary search.

    An index on the start time would be simpler, but every Start and Stop would have to update it; it made a
    Stop 10 % slower.
    """
    # Two queries, because SQLite would read the whole table for one.
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
    """Roughly when the session with this number started: the median of its neighbors before it."""
    newest_first = (
        select(RadAcct.acctstarttime).where(RadAcct.radacctid <= radacctid).order_by(RadAcct.radacctid.desc())
    )
    some = [began for began in session.scalars(newest_first.limit(_NEIGHBOURS)) if began is not None]
    return median_low(some or [else_])


def delete_rejects(session: Session, older_than: datetime) -> int:
    """Delete a batch of logins that were refused before `older_than`. Returns how many."""
    old = select(RadPostAuth.id).where(RadPostAuth.authdate < older_than).order_by(RadPostAuth.authdate)
    return rows_changed(session, delete(RadPostAuth).where(RadPostAuth.id.in_(_batch(session, old))))


def delete_requests(session: Session, older_than: datetime) -> int:
    """Delete a batch of changes that finished before `older_than`, with their attempts and reconnects.

    Requests about a session that is still open are kept: they are evidence of whether its fence was lifted.
    Returns how many changes were deleted.
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
    """Ids of a batch of rows, now locked. Skips rows that another transaction is writing."""
    return list(session.scalars(found.limit(BATCH).with_for_update(skip_locked=True)))
