"""billing-svc: invoices, the ledger, allocations, and who is overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from contracts.common import (
    BillingPeriod,
    Command,
    Event,
    Instant,
    InvoiceId,
    Page,
    PaymentId,
    ServiceId,
    SubscriberId,
)
from contracts.money import Money
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    Receivables,
    SuspensionsDue,
)

SERVICE_NAME = "billing"

# Methods that take longer than an ordinary call may: seconds.
DEADLINES = {"run_collections": 300.0}


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
    PENDING = "pending"
    SUSPENDED = "suspended"
    RESTORED = "restored"


class PriceSource(StrEnum):
    PLAN = "plan"
    INDIVIDUAL = "individual"


class SuspensionMode(StrEnum):
    """What a suspended login gets: a fenced session, or a refusal."""

    WALLED_GARDEN = "walled_garden"
    BLOCK = "block"


class TaxMode(StrEnum):
    """VAT_INCLUSIVE: prices contain 12 % VAT, which the invoice shows apart."""

    NON_VAT = "non_vat"
    VAT_INCLUSIVE = "vat_inclusive"


class RunStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ItemOutcome(StrEnum):
    CREATED = "created"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class BillingSettings:
    version: int
    invoice_generation_day: int
    payment_terms_days: int
    grace_period_days: int
    auto_suspend: bool
    suspension_mode: SuspensionMode
    tax_mode: TaxMode
    invoice_series: str
    currency: str


@dataclass(frozen=True)
class InvoiceLineView:
    """What was charged and why: the pricing snapshot taken when the invoice was made.

    amount = price - discount_amount; `tax` is contained in `amount`.
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
    id: str
    payment_id: PaymentId
    invoice_id: InvoiceId
    invoice_number: str
    amount: Money
    allocated_at: Instant


@dataclass(frozen=True)
class InvoiceSummary:
    """`days_overdue` is 0 unless the status is overdue."""

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
    lines: list[InvoiceLineView]
    allocations: list[AllocationView]
    created_at: Instant
    voided_at: Instant | None
    voided_by: str | None
    void_reason: str | None


class InvoiceOrder(StrEnum):
    """NEWEST is by number, which is by date; DUE_ON begins with the oldest due date."""

    NEWEST = "newest"
    DUE_ON = "due_on"
    DUE_ON_DESCENDING = "-due_on"
    TOTAL = "total"
    TOTAL_DESCENDING = "-total"


@dataclass(frozen=True)
class InvoiceQuery:
    """`text` is looked for in numbers and subscribers' names; no `statuses` means all of them.

    Both days of `due_from` and `due_until` belong to the range.
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
    """Something that happened to an account, for its timeline. `payment_id` if money was moved."""

    at: Instant
    kind: AccountEventKind
    invoice_id: InvoiceId
    invoice_number: str
    payment_id: PaymentId | None
    amount: Money


@dataclass(frozen=True)
class AccountView:
    """What a subscriber owes. balance = receivable less credit; overdue is the part past its due date."""

    subscriber_id: SubscriberId
    balance: Money
    credit: Money
    overdue: Money


@dataclass(frozen=True)
class LedgerEntryView:
    """One movement: `amount` leaves `credit_account` and enters `debit_account`, so it always balances."""

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
    """`differences` lists the subscribers whose ledger does not agree with invoices less payments."""

    receivable: Money
    credit: Money
    invoices_open: Money
    differences: list[SubscriberId]


@dataclass(frozen=True)
class RunItem:
    subscriber_id: SubscriberId
    subscriber_name: str
    outcome: ItemOutcome
    reason: str
    invoice_id: InvoiceId | None
    amount: Money | None


@dataclass(frozen=True)
class PeriodTotals:
    """What was billed for a period, void invoices left out."""

    period: BillingPeriod
    invoices: int
    amount: Money


@dataclass(frozen=True)
class BillingRunView:
    """`total` is the number of subscribers to go through; the rest count those done so far.

    `previous` is the period before, to compare with; only `get_billing_run` gives it.
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
    previous: PeriodTotals | None = None


# Commands


@dataclass(frozen=True, kw_only=True)
class ChangeSettings(Command):
    """None leaves a setting as it is."""

    invoice_generation_day: int | None = None
    payment_terms_days: int | None = None
    grace_period_days: int | None = None
    auto_suspend: bool | None = None
    suspension_mode: SuspensionMode | None = None
    tax_mode: TaxMode | None = None
    invoice_series: str | None = None


@dataclass(frozen=True, kw_only=True)
class StartBillingRun(Command):
    """Bill the period that `date` (default: today) falls into."""

    date: date | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class RunCollections(Command):
    date: date | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class VoidInvoice(Command):
    invoice_id: InvoiceId
    reason: str = ""


# Events


@dataclass(frozen=True, kw_only=True)
class AccountOverdue(Event, name="account.overdue.v1", consumers=("subscriber",)):
    """The account is overdue beyond the grace period: these services are to be suspended.

    `sequence` grows with each overdue or settled of the account; an older one is dropped.
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
    """Nothing of the account is overdue any more; `payment_id` and `paid_at` if a payment did it."""

    subscriber_id: SubscriberId
    sequence: int
    paid_at: Instant | None
    payment_id: PaymentId | None

    @property
    def subject(self) -> str:
        return self.subscriber_id


@dataclass(frozen=True, kw_only=True)
class BillingSettingsChanged(Event, name="billing.settings_changed.v1", consumers=("radius",)):
    settings: BillingSettings

    @property
    def subject(self) -> str:
        return "billing.settings"


class Billing(Protocol):
    """RPC methods of billing-svc."""

    def get_settings(self) -> BillingSettings: ...

    def change_settings(self, command: ChangeSettings) -> BillingSettings: ...

    def start_billing_run(self, command: StartBillingRun) -> BillingRunView: ...

    def get_billing_run(self, run_id: str) -> BillingRunView: ...

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
        """None while billing has not heard of the payment yet."""
        ...

    def list_ledger_entries(
        self, subscriber_id: SubscriberId, limit: int, after: str | None
    ) -> Page[LedgerEntryView]: ...

    def check_ledger(self) -> LedgerCheck: ...

    def get_receivables(self) -> Receivables: ...

    def list_aging(self) -> list[AgingBucket]:
        """Not due yet, 1 to 30, 31 to 60, 61 to 90 and more than 90 days past due."""
        ...

    def list_days_collected(self, days: int) -> list[DayCollected]:
        """One for each of the last `days` days, today last."""
        ...

    def list_suspensions_due(self, until: date, limit: int, after: str | None) -> SuspensionsDue:
        """Those who are suspended first come first."""
        ...

    def list_account_events(self, subscriber_id: SubscriberId, limit: int) -> list[AccountEvent]:
        """The newest first."""
        ...
