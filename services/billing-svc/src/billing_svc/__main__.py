"""python -m billing_svc serve | migrate | dead-letters, or a job:

billing-run [DATE] | collections [DATE] | accounts
"""

import servicekit.green  # noqa: F401, I001  # must come first

import sys
from datetime import date

from contracts.billing_runs import StartBillingRun
from servicekit.ids import new_id
from servicekit.runner import main
from servicekit.runtime import Runtime
from servicekit.settings import ServiceSettings

from billing_svc import jobs
from billing_svc.service import BillingService
from billing_svc.usecases import billing_run


def run_billing(settings: ServiceSettings, arguments: list[str]) -> None:
    """Bill the period that contains a date (default: today), and wait until the run has finished."""
    runtime = Runtime(settings)
    command = StartBillingRun(date=_date(arguments), actor="command line")
    with runtime.transaction() as session:
        billing_run.start_run(session, command, now=runtime.now(), today=runtime.today())
    jobs.work_on_billing_runs(runtime, new_id())


def run_collections(settings: ServiceSettings, arguments: list[str]) -> None:
    """Suspend and restore accounts as of a date (default, and at most: today)."""
    runtime = Runtime(settings)
    done = jobs.run_collections(runtime, _date(arguments) or runtime.today(), dry_run=False)
    print(f"{done.marked} overdue, {done.suspended} suspended, {done.restored} restored")


def publish_accounts(settings: ServiceSettings, _arguments: list[str]) -> None:
    """Publish what every account owes, for lists that don't show it. Safe to repeat."""
    jobs.publish_accounts(Runtime(settings))


def _date(arguments: list[str]) -> date | None:
    try:
        return date.fromisoformat(arguments[0]) if arguments else None
    except ValueError:
        sys.exit(f"{arguments[0]!r} is not a date; write it as YYYY-MM-DD")


if __name__ == "__main__":
    jobs_by_name = {"billing-run": run_billing, "collections": run_collections, "accounts": publish_accounts}
    main(BillingService, "billing_svc", jobs_by_name)
