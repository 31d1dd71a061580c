"""Work that goes on by itself: usage day by day, samples of what is on line, lines that came back, sessions
that fell silent, rows that are old.

Each is a plain function of the runtime and can be run by hand, twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter, Gauge
from servicekit import leases
from servicekit.metrics import JOB_LAST_SUCCESS
from servicekit.runtime import Runtime
from sqlalchemy.orm import Session

from radius_svc.domain.evidence import Evidence
from radius_svc.domain.online_samples import sample_time
from radius_svc.queries.reconnects import find_back
from radius_svc.queries.sessions import count_open_sessions
from radius_svc.settings import RadiusSettings
from radius_svc.usecases import online_samples, reconnects, retention, silent_sessions, usage

USAGE = "usage"
ONLINE_SAMPLES = "online-samples"
RECONNECTS = "reconnects"
SILENT_SESSIONS = "silent-sessions"
RETENTION = "retention"
# More than twice the pause between passes, so that they stay with one process and far enough apart: what is
# not committed at the end of one is at the end of the next.
USAGE_LEASE = timedelta(seconds=150)
# Lines come back in seconds. Those that do not are looked at less often.
LATELY = timedelta(hours=1)
MINUTELY_LEASE = timedelta(seconds=150)
# So much is deleted of each kind in a minute at most: some ten million rows a day.
MOST_BATCHES = 20

STALE = Gauge("isp_radius_sessions_stale", "Open sessions that have missed three reports or more")
CLOSED = Counter("isp_radius_sessions_closed", "Sessions closed without their Stop", ["evidence"])
DELETED = Counter("isp_radius_rows_deleted", "Rows deleted because of their age", ["kind"])


class LeaseLost(Exception):
    """Another process does this work now."""


def count_usage(runtime: Runtime, holder: str) -> None:
    """One pass over the sessions that have begun or changed since the last one."""
    try:
        _count_usage(runtime, holder)
    except LeaseLost:
        return
    JOB_LAST_SUCCESS.labels(USAGE).set_to_current_time()


def _count_usage(runtime: Runtime, holder: str) -> None:
    with runtime.transaction() as session:
        _take_usage(session, holder)
    with runtime.reading() as session:
        newest = usage.newest_session(session)
        begun = usage.unmarked_sessions(session)
    while begun:
        _count(runtime, holder, begun)
        with runtime.reading() as session:
            begun = usage.unmarked_sessions(session)
    after: int | None = 0
    while after is not None:
        with runtime.reading() as session:
            changed, after = usage.changed_sessions(session, after, now=runtime.now())
        _count(runtime, holder, changed)
    with runtime.transaction() as session:
        _take_usage(session, holder)
        usage.finish_pass(session, newest)
    forgotten = usage.BATCH
    while forgotten == usage.BATCH:
        with runtime.transaction() as session:
            forgotten = usage.forget_marks(session)
        time.sleep(0)


def _count(runtime: Runtime, holder: str, ids: Sequence[int]) -> None:
    if ids:
        with runtime.transaction() as session:
            _take_usage(session, holder)
            usage.count(session, ids, now=runtime.now(), zone=runtime.settings.time_zone)
    time.sleep(0)  # green: SQLite does not yield, and others wait for the database


def _take_usage(session: Session, holder: str) -> None:
    """Until this transaction ends nobody else counts. Raises LeaseLost."""
    if not leases.take(session, USAGE, holder, USAGE_LEASE):
        raise LeaseLost


def sample_online(runtime: Runtime, now: datetime) -> None:
    """Note how many sessions are open, unless it has been noted in these five minutes. `now` is machine time.

    It needs no lease: the table has room for one sample of a moment.
    """
    at = sample_time(now)
    with runtime.reading() as session:
        if online_samples.is_taken(session, at):
            return
        sessions = count_open_sessions(session)
    with runtime.transaction() as session:
        online_samples.take(session, at, sessions)
    forgotten = online_samples.BATCH
    while forgotten == online_samples.BATCH:
        with runtime.transaction() as session:
            forgotten = online_samples.forget_old(session, now)
        time.sleep(0)
    JOB_LAST_SUCCESS.labels(ONLINE_SAMPLES).set_to_current_time()


def note_reconnects(runtime: Runtime, *, lately: bool) -> None:
    """Note which lines are back; `lately` looks only at what was released in the last hour.

    It needs no lease: whoever finds a line back finds the same.
    """
    with runtime.reading() as session:  # asked every second: must not hold up who writes
        since = runtime.now() - LATELY if lately else None
        back = find_back(session, authorized_after=since)
    if back:
        with runtime.transaction() as session:
            reconnects.note_back(session, back)
    JOB_LAST_SUCCESS.labels(RECONNECTS).set_to_current_time()


def close_silent_sessions(runtime: Runtime, holder: str) -> None:
    """One look at which routers are heard, and which of their sessions are not any more."""
    with runtime.transaction() as session:
        if not leases.take(session, SILENT_SESSIONS, holder, MINUTELY_LEASE):
            return
    now = runtime.now()
    with runtime.reading() as session:  # it takes longer than the writing
        reports = silent_sessions.newest_reports(session, now)
    with runtime.transaction() as session:
        hearings = silent_sessions.note_hearings(session, reports, now)
    silent, closed = 0, 0
    after: int | None = 0
    while after is not None:
        with runtime.reading() as session:
            batch, after = silent_sessions.silent_sessions(session, after, now)
            over = silent_sessions.over(session, batch, hearings, now)
        if over:
            with runtime.transaction() as session:
                closed += silent_sessions.close(session, over)
        silent += len(batch)
        time.sleep(0)
    STALE.set(silent - closed)
    CLOSED.labels(Evidence.MISSED_INTERIMS).inc(closed)
    JOB_LAST_SUCCESS.labels(SILENT_SESSIONS).set_to_current_time()


def delete_old(runtime: Runtime[RadiusSettings], holder: str) -> None:
    """Delete what is older than it is to be kept, some batches of each kind."""
    settings = runtime.settings
    ages = {"session_days": settings.session_days, "reject_days": settings.reject_days}
    for kind, (deletion, older_than) in retention.due(runtime.now(), **ages).items():
        deleted, batches = retention.BATCH, 0
        while deleted == retention.BATCH and batches < MOST_BATCHES:
            with runtime.transaction() as session:
                if not leases.take(session, RETENTION, holder, MINUTELY_LEASE):
                    return
                deleted = deletion(session, older_than)
            DELETED.labels(kind).inc(deleted)
            batches += 1
            time.sleep(0)
    JOB_LAST_SUCCESS.labels(RETENTION).set_to_current_time()
