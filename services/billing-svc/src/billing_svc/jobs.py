"""Work that goes on by itself: the billing run, batch by batch, and the daily look at overdue accounts.

Each is a plain function of the runtime and can be run by hand, for a date, twice (`python -m billing_svc`).
"""

from __future__ import annotations

import time
from datetime import date, timedelta

from contracts.receivables import CollectionsAction, CollectionsItem, CollectionsRunView
from servicekit import leases
from servicekit.db import DATABASE_TROUBLE
from servicekit.logs import log
from servicekit.metrics import JOB_FAILURES, JOB_LAST_SUCCESS
from servicekit.runtime import Runtime

from billing_svc.domain.periods import check_near
from billing_svc.usecases import billing_run, collections
from billing_svc.usecases.settings import load_settings

LEASE = timedelta(seconds=10)
RUN_LEASE = "billing-run"
COLLECTIONS_LEASE = "collections"
ITEMS_SHOWN = 1000
# In one process with everything else, SQLite does not yield during a batch. A request waits its turn a
# dozen times on its way through that process: it gets through in this pause, where sleep(0) is one turn.
PAUSE_SECONDS = 0.005


def work_on_billing_runs(runtime: Runtime, holder: str) -> None:
    """Start the run of the billing day if it is due, and finish every run that is under way."""
    with runtime.reading() as session:
        running = billing_run.oldest_running(session)
        if running is None and billing_run.find_due_period(session, runtime.today()) is None:
            return
    with runtime.transaction() as session:
        if not leases.take(session, RUN_LEASE, holder, LEASE):
            return
        billing_run.start_automatic_run(session, now=runtime.now(), today=runtime.today())
        run_id = billing_run.oldest_running(session)
    while run_id is not None:
        _finish_run(runtime, run_id, holder)
        with runtime.reading() as session:
            run_id = billing_run.oldest_running(session)


def _finish_run(runtime: Runtime, run_id: str, holder: str) -> None:
    try:
        more = True
        while more:
            with runtime.transaction() as session:
                if not leases.take(session, RUN_LEASE, holder, LEASE):
                    raise TimeoutError("another process took the run over")
                more = billing_run.work_on(session, run_id, now=runtime.now())
            time.sleep(PAUSE_SECONDS)  # green
        JOB_LAST_SUCCESS.labels(RUN_LEASE).set_to_current_time()
    except (*DATABASE_TROUBLE, TimeoutError):
        raise  # the run stays where it is and goes on at the next tick
    except Exception as error:
        log.exception("billing run failed", run_id=run_id)
        JOB_FAILURES.labels(RUN_LEASE).inc()
        with runtime.transaction() as session:
            billing_run.fail_run(session, run_id, f"{type(error).__name__}: {error}", now=runtime.now())


def collect_daily(runtime: Runtime, holder: str) -> None:
    """Judge the overdue accounts once a day, soon after midnight or after the next start."""
    today = runtime.today()
    with runtime.reading() as session:  # asked every second: must not hold up who writes
        if load_settings(session).collections_done_on == today:
            return
    with runtime.transaction() as session:
        if not leases.take(session, COLLECTIONS_LEASE, holder, LEASE):
            return
    run_collections(runtime, today, dry_run=False)
    with runtime.transaction() as session:
        load_settings(session, lock=True).collections_done_on = today
        leases.release(session, COLLECTIONS_LEASE, holder)
    JOB_LAST_SUCCESS.labels(COLLECTIONS_LEASE).set_to_current_time()


def run_collections(runtime: Runtime, day: date, *, dry_run: bool) -> CollectionsRunView:
    """Mark, suspend and restore what is due on `day`. Running it twice changes nothing more.

    Raises InvalidInput for a day that can only be a mistake.
    """
    check_near("date", day, runtime.today())
    counts = dict.fromkeys(CollectionsAction, 0)
    shown: list[CollectionsItem] = []
    after: str | None = None
    while True:
        with runtime.reading() as session:
            batch = collections.accounts_to_judge(session, day, after)
        for item in _judge(runtime, batch, day, dry_run=dry_run):
            counts[item.action] += 1
            if len(shown) < ITEMS_SHOWN:
                shown.append(item)
        if not batch:
            break
        after = batch[-1]
        time.sleep(0)  # green: let requests in between the batches
    return CollectionsRunView(
        date=day,
        dry_run=dry_run,
        marked=counts[CollectionsAction.MARKED],
        suspended=counts[CollectionsAction.SUSPENDED],
        restored=counts[CollectionsAction.RESTORED],
        items=shown,
    )


def _judge(runtime: Runtime, subscriber_ids: list[str], day: date, *, dry_run: bool) -> list[CollectionsItem]:
    """All in one transaction. If that breaks, each in its own: an account that breaks harms no other."""
    try:
        return _judge_together(runtime, subscriber_ids, day, dry_run=dry_run)
    except DATABASE_TROUBLE:
        raise
    except Exception:
        if len(subscriber_ids) == 1:
            log.exception("an account could not be judged", subscriber_id=subscriber_ids[0])
            JOB_FAILURES.labels(COLLECTIONS_LEASE).inc()
            return []
    return [
        item
        for subscriber_id in subscriber_ids
        for item in _judge(runtime, [subscriber_id], day, dry_run=dry_run)
    ]


def _judge_together(
    runtime: Runtime, subscriber_ids: list[str], day: date, *, dry_run: bool
) -> list[CollectionsItem]:
    with runtime.transaction() as session:
        judged = [
            collections.judge(
                session, subscriber_id, day=day, today=runtime.today(), dry_run=dry_run, now=runtime.now()
            )
            for subscriber_id in subscriber_ids
        ]
    return [item for item in judged if item is not None]
