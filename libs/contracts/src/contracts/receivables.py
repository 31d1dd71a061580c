"""billing-svc, money owed: totals, aging, and the accounts that are or will be suspended for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from contracts.common import Instant, InvoiceId, Page, SubscriberId
from contracts.money import Money


class CollectionsAction(StrEnum):
    """What a collections run did (or, in a dry run, would do) for a subscriber.

    MARKED: the account is overdue but not suspended by this run. EXEMPTED: it would be suspended, or is, but
    its services are exempted until later.
    """

    MARKED = "marked"
    EXEMPTED = "exempted"
    SUSPENDED = "suspended"
    RESTORED = "restored"


@dataclass(frozen=True)
class CollectionsItem:
    subscriber_id: SubscriberId
    subscriber_name: str
    action: CollectionsAction
    reason: str
    overdue: Money
    exempted_until: Instant | None = None


@dataclass(frozen=True)
class CollectionsRunView:
    """The result of one pass over the overdue accounts. `items` holds the first 1,000."""

    date: date
    dry_run: bool
    marked: int
    suspended: int
    restored: int
    items: list[CollectionsItem]
    exempted: int = 0


@dataclass(frozen=True)
class Receivables:
    """Totals for the dashboard."""

    receivable: Money
    overdue: Money
    collected_today: Money
    collected_this_month: Money
    open_invoices: int
    overdue_invoices: int


@dataclass(frozen=True)
class AgingBucket:
    """Open invoices that are `from_days` to `until_days` past due, and their balance.

    `until_days` is None for the oldest bucket, which has no end. From 0 to 0 means not past due.
    """

    from_days: int
    until_days: int | None
    invoices: int
    amount: Money

    def due_dates(self, today: date) -> tuple[date | None, date | None]:
        """The first and last due date of the invoices in this bucket; None where it is unbounded."""
        if self.until_days == 0:
            return today, None
        first = None if self.until_days is None else today - timedelta(days=self.until_days)
        return first, today - timedelta(days=self.from_days)


@dataclass(frozen=True)
class DayCollected:
    """What was collected on one day: payments received on it, less reversals that count on it.

    `payments` does not count reversed ones. `amount` is negative if more was reversed than received.
    """

    date: date
    payments: int
    amount: Money


@dataclass(frozen=True)
class SuspensionDue:
    """An account that will be suspended on `suspend_on` unless it pays before.

    With `exempted_until` it is then, when its services' exemptions end; otherwise by that day's collections.
    """

    subscriber_id: SubscriberId
    subscriber_name: str
    overdue: Money
    oldest_due_on: date
    suspend_on: date
    exempted_until: Instant | None = None


@dataclass(frozen=True)
class SuspensionsDue:
    """The accounts that will be suspended by `until` (inclusive): how many, what they owe, and one page."""

    until: date
    auto_suspend: bool
    count: int
    overdue: Money
    page: Page[SuspensionDue]


@dataclass(frozen=True)
class ShareView:
    """The part of an amount that would pay an invoice, and what would be left to pay on it."""

    invoice_id: InvoiceId
    invoice_number: str
    amount: Money
    left: Money


@dataclass(frozen=True)
class PaymentPreview:
    """What a payment would do now: the invoices it would pay, and what would become credit.

    `monthly` is the sum of the prices of the subscriber's services, without discounts; of the terminated ones
    if there are no others. It is None without services.
    """

    balance: Money
    shares: list[ShareView]
    credit: Money
    monthly: Money | None
