"""billing-svc: invoices, the ledger, allocations and overdue accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from contracts.billing_runs import (
    BillingRunView,
    ItemOutcome,
    NextRun,
    RunItem,
    StartBillingRun,
    VoidBillingRun,
)
from contracts.billing_settings import BillingSettings, FirstMonth, SuspensionMode, TaxMode
from contracts.common import (
    BillingPeriod,
    Command,
    Edit,
    Event,
    Instant,
    InvoiceId,
    Page,
    PaymentId,
    ServiceId,
    SubscriberId,
)
from contracts.holds import ExemptionView
from contracts.money import Money
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    PaymentPreview,
    Receivables,
    SuspensionsDue,
)

SERVICE_NAME = "billing"

# Methods that may take longer than an ordinary call, in seconds.
DEADLINES = {"run_collections": 300.0, "void_billing_run": 300.0}


class InvoiceStatus(StrEnum):
    """The status shown for an invoice, computed from the stored state, the balance and the due date."""

    SENT = "sent"
    PARTIALLY_PAID = "partially_paid"
    OVERDUE = "overdue"
    PAID = "paid"
    VOID = "void"

    @property
    def is_open(self) -> bool:
        """True while something is left to pay: neither paid nor void."""
        return self not in (InvoiceStatus.PAID, InvoiceStatus.VOID)


OPEN_STATUSES = tuple(status for status in InvoiceStatus if status.is_open)
CLOSED_STATUSES = tuple(status for status in InvoiceStatus if not status.is_open)


class CollectionStatus(StrEnum):
    """What collections did about an invoice: nothing yet, suspended its services, or restored them."""

    PENDING = "pending"
    SUSPENDED = "suspended"
    RESTORED = "restored"


class PriceSource(StrEnum):
    PLAN = "plan"
    INDIVIDUAL = "individual"


@dataclass(frozen=True)
class InvoiceLineView:
    """A charge and how it was calculated, as of the day the invoice was issued.

    amount = price - discount_amount; `amount` includes `tax`.
    """

    service_id: ServiceId
    description: str
    period: BillingPeriod
    plan_name: str
    price: Money
    price_source: PriceSource
    discount_amount: Money
    tax: Money
    amount: Money


@dataclass(frozen=True)
class AllocationView:
    """The part of a payment that pays an invoice."""

    id: str
    payment_id: PaymentId
    invoice_id: InvoiceId
    invoice_number: str
    amount: Money
    allocated_at: Instant


@dataclass(frozen=True)
class InvoiceSummary:
    """An invoice as lists show it. `days_overdue` is 0 unless the status is OVERDUE."""

    id: InvoiceId
    number: str
    subscriber_id: SubscriberId
    subscriber_name: str
    status: InvoiceStatus
    collection_status: CollectionStatus
    issued_on: date
    due_on: date
    days_overdue: int
    period: BillingPeriod
    total: Money
    balance: Money


@dataclass(frozen=True)
class InvoiceView(InvoiceSummary):
    """An invoice with its lines and the payments on it.

    `exemptions` are those of its services that began while it was overdue, the oldest first.
    """

    lines: list[InvoiceLineView]
    allocations: list[AllocationView]
    created_at: Instant
    voided_at: Instant | None
    voided_by: str | None
    void_reason: str | None
    exemptions: list[ExemptionView] = field(default_factory=list)


class InvoiceOrder(StrEnum):
    """NEWEST: latest issued first. DUE_ON: oldest due date first. TOTAL: smallest total first."""

    NEWEST = "newest"
    DUE_ON = "due_on"
    DUE_ON_DESCENDING = "-due_on"
    TOTAL = "total"
    TOTAL_DESCENDING = "-total"


@dataclass(frozen=True)
class InvoiceQuery:
    """`text` is searched for in invoice numbers and subscribers' names. No `statuses` means any status.

    The range from `due_from` to `due_until` includes both days.
    """

    text: str | None = None
    statuses: tuple[InvoiceStatus, ...] = ()
    subscriber_id: SubscriberId | None = None
    due_from: date | None = None
    due_until: date | None = None
    order: InvoiceOrder = InvoiceOrder.NEWEST


class AccountEventKind(StrEnum):
    INVOICE_ISSUED = "invoice_issued"
    INVOICE_VOIDED = "invoice_voided"
    PAYMENT_ALLOCATED = "payment_allocated"
    ALLOCATION_REVERSED = "allocation_reversed"


@dataclass(frozen=True)
class AccountEvent:
    """An event on an account's timeline. `payment_id` is set if money was allocated or freed."""

    at: Instant
    kind: AccountEventKind
    invoice_id: InvoiceId
    invoice_number: str
    payment_id: PaymentId | None
    amount: Money


@dataclass(frozen=True)
class AccountView:
    """What a subscriber owes. `balance` is below zero if they have more credit than open invoices.

    `credit` is money that is not on an invoice; `overdue` is what is left to pay on overdue invoices.
    """

    subscriber_id: SubscriberId
    balance: Money
    credit: Money
    overdue: Money


@dataclass(frozen=True)
class AccountMoney:
    """What a subscriber owes: `balance` is as in AccountView.

    `oldest_due_on` is the due date of their oldest open invoice, or None if nothing is left to pay.
    """

    subscriber_id: SubscriberId
    balance: Money
    oldest_due_on: date | None


@dataclass(frozen=True)
class LedgerEntryView:
    """One movement of `amount` from `credit_account` to `debit_account`, so the ledger always balances."""

    id: int
    subscriber_id: SubscriberId
    debit_account: str
    credit_account: str
    amount: Money
    kind: str
    source_id: str
    effective_on: date
    recorded_at: Instant


@dataclass(frozen=True)
class LedgerCheck:
    """The ledger compared with invoices and payments.

    `differences` lists the subscribers whose ledger balance is not their open invoices minus their credit.
    """

    receivable: Money
    credit: Money
    invoices_open: Money
    differences: list[SubscriberId]


# Commands


@dataclass(frozen=True, kw_only=True)
class ChangeSettings(Edit):
    """Change billing settings, one field for each of them. None leaves a setting as it is."""

    invoice_generation_day: int | None = None
    payment_terms_days: int | None = None
    grace_period_days: int | None = None
    auto_suspend: bool | None = None
    suspension_mode: SuspensionMode | None = None
    tax_mode: TaxMode | None = None
    first_month: FirstMonth | None = None
    invoice_series: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunCollections(Command):
    """Suspend and restore accounts as of `date` (default: today). Only a dry run looks ahead of today."""

    date: date | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class VoidInvoice(Command):
    """Void an invoice. Payments on it become credit. `bill_again`: the next run bills its months again."""

    invoice_id: InvoiceId
    reason: str = ""
    bill_again: bool = False


# Events


@dataclass(frozen=True, kw_only=True)
class AccountOverdue(Event, name="account.overdue.v1", consumers=("subscriber",)):
    """An account is overdue beyond the grace period, and these services must be suspended.

    `sequence` numbers the account's overdue and settled events. Consumers drop one older than the latest.
    """

    subscriber_id: SubscriberId
    sequence: int
    service_ids: list[ServiceId]
    overdue: Money
    reason: str

    @property
    def subject(self) -> str:
        return self.subscriber_id


@dataclass(frozen=True, kw_only=True)
class AccountSettled(Event, name="account.settled.v1", consumers=("subscriber",)):
    """An account has nothing overdue anymore. `payment_id` and `paid_at` are set if a payment did it."""

    subscriber_id: SubscriberId
    sequence: int
    paid_at: Instant | None
    payment_id: PaymentId | None

    @property
    def subject(self) -> str:
        return self.subscriber_id


@dataclass(frozen=True, kw_only=True)
class AccountsChanged(Event, name="accounts.changed.v1", consumers=("subscriber",)):
    """Money of these accounts has moved: invoices were issued or voided, or payments received or reversed.

    A transaction publishes one event for all accounts that it changed, up to 500. `sequence` is larger in
    every later event about the same account. Consumers drop what is older than the latest.
    """

    sequence: int
    accounts: list[AccountMoney]

    @property
    def subject(self) -> str:
        return "billing.accounts"


@dataclass(frozen=True, kw_only=True)
class BillingSettingsChanged(Event, name="billing.settings_changed.v1", consumers=("radius",)):
    """Billing settings were changed, or created at the first start."""

    settings: BillingSettings

    @property
    def subject(self) -> str:
        return "billing.settings"


class Billing(Protocol):
    """RPC methods of billing-svc."""

    def get_settings(self) -> BillingSettings: ...

    def change_settings(self, command: ChangeSettings) -> BillingSettings: ...

    def get_next_run(self, invoice_generation_day: int | None) -> NextRun:
        """The next automatic run, with this setting if it is given and set today."""
        ...

    def start_billing_run(self, command: StartBillingRun) -> BillingRunView: ...

    def get_billing_run(self, run_id: str) -> BillingRunView: ...

    def void_billing_run(self, command: VoidBillingRun) -> BillingRunView: ...

    def list_billing_runs(self, limit: int, after: str | None) -> Page[BillingRunView]: ...

    def list_billing_run_items(
        self, run_id: str, outcome: ItemOutcome | None, limit: int, after: str | None
    ) -> Page[RunItem]: ...

    def run_collections(self, command: RunCollections) -> CollectionsRunView: ...

    def get_invoice(self, invoice_id: InvoiceId) -> InvoiceView: ...

    def list_invoices(self, query: InvoiceQuery, limit: int, after: str | None) -> Page[InvoiceSummary]: ...

    def void_invoice(self, command: VoidInvoice) -> InvoiceView: ...

    def get_account(self, subscriber_id: SubscriberId) -> AccountView: ...

    def list_accounts(self, subscriber_ids: list[SubscriberId]) -> list[AccountView]: ...

    def find_allocations(self, payment_id: PaymentId) -> list[AllocationView] | None:
        """Active allocations of a payment, or None if billing has not processed the payment yet.

        A reversed payment has none.
        """
        ...

    def preview_payment(
        self, subscriber_id: SubscriberId, amount: Money, invoice_id: InvoiceId | None
    ) -> PaymentPreview:
        """What a payment would do now. `invoice_id` is the invoice it would pay first."""
        ...

    def list_ledger_entries(
        self, subscriber_id: SubscriberId, limit: int, after: str | None
    ) -> Page[LedgerEntryView]: ...

    def check_ledger(self) -> LedgerCheck: ...

    def get_receivables(self) -> Receivables: ...

    def list_aging(self) -> list[AgingBucket]:
        """Open invoices not past due, and 1-30, 31-60, 61-90 and more than 90 days past due."""
        ...

    def list_days_collected(self, days: int) -> list[DayCollected]:
        """One item for each of the last `days` days (1 to 366), ending with today."""
        ...

    def list_suspensions_due(self, until: date, limit: int, after: str | None) -> SuspensionsDue:
        """Accounts that will be suspended by `until` (inclusive), the first to be suspended first."""
        ...

    def list_account_events(self, subscriber_id: SubscriberId, limit: int) -> list[AccountEvent]:
        """The latest events, newest first."""
        ...
