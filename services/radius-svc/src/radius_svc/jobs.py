"""Periodic jobs: usage, samples of online sessions, reconnects, silent sessions, retention.

Each is a plain function of the runtime. It is safe to run one by hand, and to run it twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import Counter, Gauge
from servicekit import leases
from servicekit.batches import in_batches
from servicekit.metrics import JOB_LAST_SUCCESS
from servicekit.runtime import Runtime
from sqlalchemy.orm import Session

from radius_svc.domain.evidence import Evidence
from radius_svc.domain.online_samples import sample_time
from radius_svc.queries.reconnects import find_back
from radius_svc.queries.sessions import count_open_sessions
from radius_svc.settings import RadiusSettings
from radius_svc.usecases import online_samples, reconnects, retention, silent_sessions, usage

Transaction = Callable[[], AbstractContextManager[Session]]

USAGE = "usage"
ONLINE_SAMPLES = "online-samples"
RECONNECTS = "reconnects"
SILENT_SESSIONS = "silent-sessions"
RETENTION = "retention"
# More than twice the interval between passes, so that one process does them all, far enough apart: a session
# that is not committed at the end of one pass is committed at the end of the next.
USAGE_LEASE = timedelta(seconds=150)
# Services reconnect within seconds. Those that do not are checked less often.
LATELY = timedelta(hours=1)
MINUTELY_LEASE = timedelta(seconds=150)
# Per kind of row and minute. Allows about ten million rows a day.
MAX_BATCHES = 20

STALE = Gauge("isp_radius_sessions_stale", "Open sessions that have missed at least three interim reports")
CLOSED = Counter("isp_radius_sessions_closed", "Sessions closed without an Accounting-Stop", ["evidence"])
DELETED = Counter(
    "isp_radius_rows_deleted", "Rows deleted because they exceeded their retention period", ["kind"]
)


def count_usage(runtime: Runtime, holder: str) -> None:
    """Count the usage of sessions that have started or changed since the last pass.

    Does nothing while another process has the lease.
    """
    with suppress(leases.LeaseTaken):
        _count_usage(runtime, partial(leases.holding, runtime, USAGE, holder, USAGE_LEASE))
        JOB_LAST_SUCCESS.labels(USAGE).set_to_current_time()


def _count_usage(runtime: Runtime, holding: Transaction) -> None:
    with holding():
        pass  # to know whether this process may count before it reads anything
    with runtime.reading() as session:
        newest = usage.newest_session(session)
        unmarked = usage.unmarked_sessions(session)
    while unmarked:
        _count(runtime, holding, unmarked)
        with runtime.reading() as session:
            unmarked = usage.unmarked_sessions(session)
    after: int | None = 0
    while after is not None:
        with runtime.reading() as session:
            changed, after = usage.changed_sessions(session, after, now=runtime.now())
        _count(runtime, holding, changed)
    with holding() as session:
        usage.finish_pass(session, newest)
    in_batches(runtime.transaction, usage.delete_final_marks, size=usage.BATCH)


def _count(runtime: Runtime, holding: Transaction, ids: Sequence[int]) -> None:
    if ids:
        with holding() as session:
            usage.count(session, ids, now=runtime.now(), zone=runtime.settings.time_zone)
    time.sleep(0)  # green: SQLite does not yield, and others are waiting for the database


def sample_online(runtime: Runtime, now: datetime) -> None:
    """Record how many sessions are open, unless these five minutes have a sample. `now` is machine time.

    Needs no lease: the table can hold only one sample per moment.
    """
    at = sample_time(now)
    with runtime.reading() as session:
        if online_samples.is_taken(session, at):
            return
        count = count_open_sessions(session)
    with runtime.transaction() as session:
        online_samples.take(session, at, count)
    in_batches(
        runtime.transaction,
        lambda session: online_samples.delete_old(session, now),
        size=online_samples.BATCH,
    )
    JOB_LAST_SUCCESS.labels(ONLINE_SAMPLES).set_to_current_time()


def note_reconnects(runtime: Runtime, *, lately: bool) -> None:
    """Record which services are back online. `lately`: only those released within the last hour.

    Needs no lease: every process finds the same.
    """
    with runtime.reading() as session:  # runs every second, so it must not block writers
        since = runtime.now() - LATELY if lately else None
        back = find_back(session, authorized_after=since)
    if back:
        with runtime.transaction() as session:
            reconnects.note_back(session, back)
    JOB_LAST_SUCCESS.labels(RECONNECTS).set_to_current_time()


def close_silent_sessions(runtime: Runtime, holder: str) -> None:
    """Record which routers report, then close the sessions that no longer do."""
    with suppress(leases.LeaseTaken):
        with leases.holding(runtime, SILENT_SESSIONS, holder, MINUTELY_LEASE):
            pass
        _close_silent_sessions(runtime)
        JOB_LAST_SUCCESS.labels(SILENT_SESSIONS).set_to_current_time()


def _close_silent_sessions(runtime: Runtime) -> None:
    now = runtime.now()
    with runtime.reading() as session:  # slower than the writing
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


def delete_old(runtime: Runtime[RadiusSettings], holder: str) -> None:
    """Delete rows that have exceeded their retention period, up to MAX_BATCHES batches of each kind."""
    settings = runtime.settings
    ages = {"session_days": settings.session_days, "reject_days": settings.reject_days}
    holding = partial(leases.holding, runtime, RETENTION, holder, MINUTELY_LEASE)
    with suppress(leases.LeaseTaken):
        for kind, (deletion, older_than) in retention.due(runtime.now(), **ages).items():
            deleted = in_batches(
                holding, _before(deletion, older_than), size=retention.BATCH, max_batches=MAX_BATCHES
            )
            DELETED.labels(kind).inc(deleted)
        JOB_LAST_SUCCESS.labels(RETENTION).set_to_current_time()


def _before(deletion: retention.Deletion, older_than: datetime) -> Callable[[Session], int]:
    return lambda session: deletion(session, older_than)
