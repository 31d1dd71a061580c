"""Work in the background: billing runs, batch by batch, and the daily collections run.

Each job is a plain function of the runtime. It can also be started by hand, for any date, and repeated safely
(`python -m billing_svc`).
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from contracts.billing_runs import VoidBillingRun
from contracts.receivables import CollectionsAction, CollectionsItem, CollectionsRunView
from servicekit import leases
from servicekit.db import DATABASE_ERRORS
from servicekit.logs import log
from servicekit.metrics import JOB_FAILURES, JOB_LAST_SUCCESS
from servicekit.runtime import Runtime

from billing_svc.domain.periods import check_near
from billing_svc.lookups import load_settings
from billing_svc.usecases import billing_run, books, collections, voiding

LEASE = timedelta(seconds=10)
RUN_LEASE = "billing-run"
COLLECTIONS_LEASE = "collections"
ITEMS_SHOWN = 1000
# When all services share one process, SQLite blocks it during a batch. A request needs about a dozen turns of
# the event loop on its way through that process. This pause gives it those; sleep(0) would give it one.
PAUSE_SECONDS = 0.005


def work_on_billing_runs(runtime: Runtime, holder: str) -> None:
    """Start the automatic run if it is due, and finish every unfinished run."""
    with runtime.reading() as session:
        running = billing_run.oldest_running(session)
        if running is None and billing_run.find_due_period(session, runtime.today()) is None:
            return
    try:
        with leases.holding(runtime, RUN_LEASE, holder, LEASE) as session:
            billing_run.start_automatic_run(session, now=runtime.now(), today=runtime.today())
            run_id = billing_run.oldest_running(session)
    except leases.LeaseTaken:
        return
    while run_id is not None:
        _finish_run(runtime, run_id, holder)
        with runtime.reading() as session:
            run_id = billing_run.oldest_running(session)


def _finish_run(runtime: Runtime, run_id: str, holder: str) -> None:
    try:
        more = True
        while more:
            with leases.holding(runtime, RUN_LEASE, holder, LEASE) as session:
                more = billing_run.work_on(session, run_id, now=runtime.now())
            time.sleep(PAUSE_SECONDS)  # green
        JOB_LAST_SUCCESS.labels(RUN_LEASE).set_to_current_time()
    except (*DATABASE_ERRORS, leases.LeaseTaken):
        raise  # the run stays as it is and resumes at the next tick, here or in the process with the lease
    except Exception as error:
        log.exception("billing run failed", run_id=run_id)
        JOB_FAILURES.labels(RUN_LEASE).inc()
        with runtime.transaction() as session:
            billing_run.fail_run(session, run_id, f"{type(error).__name__}: {error}", now=runtime.now())


def void_run(runtime: Runtime, command: VoidBillingRun) -> None:
    """Void the invoices of a run, batch by batch. Safe to repeat: it goes on with what is left.

    Raises what `voiding.check_run_can_be_voided` raises, and then does nothing.
    """
    with runtime.reading() as session:
        voiding.check_run_can_be_voided(session, command)
    after: str | None = None
    while True:
        with runtime.transaction() as session:
            after = voiding.void_next_of_run(
                session, command, after, now=runtime.now(), today=runtime.today()
            )
        if after is None:
            return
        time.sleep(PAUSE_SECONDS)  # green


def publish_accounts(runtime: Runtime) -> None:
    """Publish what every account owes, batch by batch. Safe to repeat."""
    after: str | None = None
    while True:
        with runtime.transaction() as session:
            after = books.publish_next(session, after, now=runtime.now())
        if after is None:
            return
        time.sleep(PAUSE_SECONDS)  # green


def collect_daily(runtime: Runtime, holder: str) -> None:
    """Run collections once a day, shortly after midnight or after the next start."""
    today = runtime.today()
    with runtime.reading() as session:  # every second, so it must not block writers
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
    """Suspend and restore accounts as of `day`. Running it again for the same day changes nothing.

    Only a dry run looks ahead: a real run for a future day judges by today, since nobody is overdue before
    their invoice is. Raises InvalidInput for a day more than a year away.
    """
    check_near("date", day, runtime.today())
    if not dry_run:
        day = min(day, runtime.today())
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
        time.sleep(0)  # green: lets requests in between batches
    return CollectionsRunView(
        date=day,
        dry_run=dry_run,
        marked=counts[CollectionsAction.MARKED],
        suspended=counts[CollectionsAction.SUSPENDED],
        restored=counts[CollectionsAction.RESTORED],
        exempted=counts[CollectionsAction.EXEMPTED],
        items=shown,
    )


def _judge(runtime: Runtime, subscriber_ids: list[str], day: date, *, dry_run: bool) -> list[CollectionsItem]:
    """Judge a batch in one transaction. If that fails, judge each account alone, so that only one fails."""
    try:
        return _judge_together(runtime, subscriber_ids, day, dry_run=dry_run)
    except DATABASE_ERRORS:
        raise
    except Exception:
        if len(subscriber_ids) == 1:
            log.exception("collections failed for an account", subscriber_id=subscriber_ids[0])
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
    today, now = runtime.today(), runtime.now()
    # A run for a later day asks who will be exempted when that day begins.
    later = datetime.combine(day, time_of_day(), runtime.settings.time_zone) if day > today else now
    with runtime.transaction() as session:
        judged = [
            collections.judge(
                session, subscriber_id, day=day, today=today, dry_run=dry_run, now=now, exempted_at=later
            )
            for subscriber_id in subscriber_ids
        ]
    return [item for item in judged if item is not None]
