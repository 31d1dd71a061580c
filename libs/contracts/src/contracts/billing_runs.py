"""billing-svc: billing runs, which create the invoices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.billing_settings import FirstMonth
from contracts.common import BillingPeriod, Command, Instant, InvoiceId, SubscriberId
from contracts.money import Money


class RunStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ItemOutcome(StrEnum):
    CREATED = "created"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class RunItem:
    """What a billing run did for one subscriber.

    `reason` says why no invoice was created. If one was, it names the months that it bills in addition to the
    run's own, and months that are not billed, with the reason.
    """

    subscriber_id: SubscriberId
    subscriber_name: str
    outcome: ItemOutcome
    reason: str
    invoice_id: InvoiceId | None
    amount: Money | None


@dataclass(frozen=True)
class PeriodTotals:
    """What was billed for a period, without void invoices."""

    period: BillingPeriod
    invoices: int
    amount: Money


@dataclass(frozen=True)
class BillingRunView:
    """A billing run. `total` is its number of subscribers; `created`, `skipped`, `failed` count so far.

    It bills `period` and every earlier month that is not billed yet. `subscriber_id`, `voided_too` and
    `same_login_too` are those of StartBillingRun.

    `voided` of the invoices that it created are void now. Once it is over, `month` is all that is billed for
    its period, by it (a dry run: if it were not one) and by other runs, and `previous` the same for the
    period before. Only `get_billing_run` fills these in.
    """

    id: str
    date: date
    period: BillingPeriod
    dry_run: bool
    status: RunStatus
    total: int
    created: int
    skipped: int
    failed: int
    amount: Money
    error: str | None
    started_at: Instant
    finished_at: Instant | None
    month: PeriodTotals | None = None
    previous: PeriodTotals | None = None
    subscriber_id: SubscriberId | None = None
    first_month: FirstMonth = FirstMonth.FULL
    voided_too: bool = False
    same_login_too: bool = False
    voided: int = 0


@dataclass(frozen=True)
class NextRun:
    """The next automatic run. `catches_up` are months before its period that have had no automatic run."""

    date: date
    period: BillingPeriod
    catches_up: list[BillingPeriod]


@dataclass(frozen=True, kw_only=True)
class StartBillingRun(Command):
    """Bill the period that contains `date` (default: today), and earlier months that are not billed yet.

    A period later than the coming month needs the confirmation `future_month`.

    For all subscribers, or only for `subscriber_id`. `voided_too` bills the period again if its invoice was
    voided; `same_login_too` bills it for a login that is billed as another service of the subscriber.
    """

    date: date | None = None
    dry_run: bool = False
    subscriber_id: SubscriberId | None = None
    voided_too: bool = False
    same_login_too: bool = False


@dataclass(frozen=True, kw_only=True)
class VoidBillingRun(Command):
    """Void all invoices of a run. The next run bills their months again."""

    run_id: str
    reason: str = ""
