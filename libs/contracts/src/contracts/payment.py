"""payment-svc: payments received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from contracts.common import Command, Event, Instant, InvoiceId, Page, PaymentId, SubscriberId
from contracts.money import Money

SERVICE_NAME = "payment"


class PaymentMethod(StrEnum):
    CASH = "cash"
    GCASH = "gcash"
    BANK = "bank"
    OTHER = "other"


@dataclass(frozen=True)
class ReversalView:
    """Why and by whom a payment was reversed.

    `counts_on` is the day whose collected amount it reduces: the day it was made. A payment that was moved
    counts on the day it was received, because no money left. `moved_to` is the payment that replaced it.
    """

    reason: str
    reversed_at: Instant
    reversed_by: str
    counts_on: date
    moved_to: PaymentId | None


@dataclass(frozen=True)
class PaymentView:
    """`received_on` is the day the money arrived, `recorded_at` the instant it was entered.

    `same_reference` lists other payments with the same reference, without reversed ones. This is a warning,
    not an error. `moved_from` is the reversed payment that this one replaces.
    """

    id: PaymentId
    subscriber_id: SubscriberId
    subscriber_name: str
    invoice_id: InvoiceId | None
    amount: Money
    method: PaymentMethod
    reference: str
    received_on: date
    recorded_at: Instant
    recorded_by: str
    same_reference: list[PaymentId]
    reversal: ReversalView | None = None
    moved_from: PaymentId | None = None


class PaymentOrder(StrEnum):
    NEWEST = "newest"
    RECEIVED_ON = "received_on"
    RECEIVED_ON_DESCENDING = "-received_on"
    AMOUNT = "amount"
    AMOUNT_DESCENDING = "-amount"


@dataclass(frozen=True)
class PaymentQuery:
    """`text` is searched for in references and subscribers' names. The range includes both days."""

    text: str | None = None
    method: PaymentMethod | None = None
    received_from: date | None = None
    received_until: date | None = None
    subscriber_id: SubscriberId | None = None
    order: PaymentOrder = PaymentOrder.NEWEST


@dataclass(frozen=True, kw_only=True)
class RecordPayment(Command):
    """Record a payment. It pays `invoice_id` first, if given, then the oldest open invoices.

    Needs confirmation for `amount_high` (more than 3 times the balance or, if nothing is owed, twice the
    monthly price), `reference_used`, `date_before_customer` and `date_old` (more than 60 days ago).
    """

    subscriber_id: SubscriberId
    amount: Money
    method: PaymentMethod
    reference: str = ""
    invoice_id: InvoiceId | None = None
    received_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class ReversePayment(Command):
    """Reverse a payment that was recorded by mistake. What it paid is owed again."""

    payment_id: PaymentId
    reason: str


@dataclass(frozen=True, kw_only=True)
class MovePayment(Command):
    """Reverse a payment and record it for another subscriber, in one step."""

    payment_id: PaymentId
    subscriber_id: SubscriberId
    reason: str


@dataclass(frozen=True, kw_only=True)
class PaymentReceived(Event, name="payment.received.v1", consumers=("billing",)):
    """A payment was recorded. `paid_at` is when, and starts the reconnect time."""

    payment_id: PaymentId
    subscriber_id: SubscriberId
    invoice_id: InvoiceId | None
    amount: Money
    method: PaymentMethod
    received_on: date
    paid_at: Instant

    @property
    def subject(self) -> str:
        return self.subscriber_id


@dataclass(frozen=True, kw_only=True)
class PaymentReversed(Event, name="payment.reversed.v1", consumers=("billing",)):
    """A payment was reversed.

    It has everything that the event of the payment has, because it may arrive first. `counts_on` is the day
    whose collected amount the reversal reduces.
    """

    payment_id: PaymentId
    subscriber_id: SubscriberId
    amount: Money
    method: PaymentMethod
    received_on: date
    counts_on: date
    reversed_at: Instant

    @property
    def subject(self) -> str:
        return self.subscriber_id


class Payment(Protocol):
    """RPC methods of payment-svc."""

    def record_payment(self, command: RecordPayment) -> PaymentView: ...

    def reverse_payment(self, command: ReversePayment) -> PaymentView:
        """The reversed payment. Raises NotFound, InvalidInput, and Conflict if it is reversed already."""
        ...

    def move_payment(self, command: MovePayment) -> PaymentView:
        """The new payment. Raises NotFound, InvalidInput, and Conflict if the old one is reversed already."""
        ...

    def get_payment(self, payment_id: PaymentId) -> PaymentView: ...

    def list_payments(self, query: PaymentQuery, limit: int, after: str | None) -> Page[PaymentView]: ...
