"""Work that goes on by itself: usage day by day, samples of what is on line, lines that came back.

Each is a plain function of the runtime and can be run by hand, twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from servicekit import leases
from servicekit.metrics import JOB_LAST_SUCCESS
from servicekit.runtime import Runtime
from sqlalchemy.orm import Session

from radius_svc import queries
from radius_svc.usecases import online_samples, reconnects, usage

USAGE = "usage"
ONLINE_SAMPLES = "online-samples"
RECONNECTS = "reconnects"
# More than twice the pause between passes, so that they stay with one process and far enough apart: what is
# not committed at the end of one is at the end of the next.
USAGE_LEASE = timedelta(seconds=150)
# Lines come back in seconds. Those that do not are looked at less often.
LATELY = timedelta(hours=1)


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
    at = online_samples.sample_time(now)
    with runtime.reading() as session:
        if online_samples.is_taken(session, at):
            return
        sessions = queries.count_open_sessions(session)
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
        back = reconnects.find_back(session, authorized_after=since)
    if back:
        with runtime.transaction() as session:
            reconnects.note_back(session, back)
    JOB_LAST_SUCCESS.labels(RECONNECTS).set_to_current_time()
