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
class PaymentView:
    """`received_on` is the day the money arrived, `recorded_at` the instant it was entered.

    `same_reference` lists other payments with the same reference. This is a warning, not an error.
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
    """Record a payment. It pays `invoice_id` first, if given, then the oldest open invoices."""

    subscriber_id: SubscriberId
    amount: Money
    method: PaymentMethod
    reference: str = ""
    invoice_id: InvoiceId | None = None
    received_on: date | None = None


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


class Payment(Protocol):
    """RPC methods of payment-svc."""

    def record_payment(self, command: RecordPayment) -> PaymentView: ...

    def get_payment(self, payment_id: PaymentId) -> PaymentView: ...

    def list_payments(self, query: PaymentQuery, limit: int, after: str | None) -> Page[PaymentView]: ...
