"""Payments: money received and how it was allocated."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from contracts.billing import AllocationView
from contracts.common import Page
from contracts.payment import PaymentMethod, PaymentOrder, PaymentQuery, PaymentView
from pydantic import AwareDatetime

from gateway.api.invoices import AllocationShape
from gateway.api.queries import QueryText
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.clients.waiting import wait_for_allocations, wait_for_reversal
from gateway.http.access import Permission
from gateway.resources.fields import Day, one_of
from gateway.resources.payments import Method, MoveRequest, NewPayment, ReversalRequest


class PaymentFilter(Paging):
    """`query`: a part of a reference or name. `received_from` and `received_until` are included.

    `order`: newest, received_on, -received_on, amount or -amount.
    """

    query: QueryText | None = None
    method: Method | None = None
    received_from: Day | None = None
    received_until: Day | None = None
    subscriber_id: QueryText | None = None
    order: Annotated[PaymentOrder, one_of(PaymentOrder)] = PaymentOrder.NEWEST


class ReversalShape(Shape):
    """`counts_on`: the day whose collected amount it reduces. `moved_to`: the payment that replaced it."""

    reason: str
    reversed_at: AwareDatetime
    reversed_by: str
    counts_on: date
    moved_to: str | None


class PaymentSummaryShape(Shape):
    """`same_reference`: other payments with the same reference, as a warning of a duplicate.

    `reversal` is null unless the payment was reversed. `moved_from`: the reversed payment that it replaces.
    """

    id: str
    subscriber_id: str
    subscriber_name: str
    invoice_id: str | None
    amount: MoneyShape
    method: PaymentMethod
    reference: str
    received_on: date
    recorded_at: AwareDatetime
    recorded_by: str
    same_reference: list[str]
    reversal: ReversalShape | None
    moved_from: str | None


class PaymentShape(PaymentSummaryShape):
    """`allocations` is null until billing has handled the payment. What is not allocated becomes credit."""

    allocations: list[AllocationShape] | None


@endpoint(
    "POST",
    "/payments",
    permission=Permission.RECORD_PAYMENTS,
    body=NewPayment,
    answer=PaymentShape,
    status=201,
    event=Event("api.record_payment", "Recorded a payment", "payment"),
)
def record_payment(body: NewPayment) -> PaymentShape:
    """Record a payment. It pays the oldest invoices first and reconnects suspended services automatically."""
    payment = services().payment.record_payment(body.command(by_operator()))
    return payment_shape(payment, wait_for_allocations(payment.id))


@endpoint(
    "POST",
    "/payments/<payment_id>/reverse",
    permission=Permission.REVERSE_PAYMENTS,
    body=ReversalRequest,
    answer=PaymentShape,
    event=Event("api.reverse_payment", "Reversed a payment", "payment"),
)
def reverse_payment(payment_id: str, body: ReversalRequest) -> PaymentShape:
    """Reverse a payment. What it paid is owed again; the next collections run may suspend for it."""
    payment = services().payment.reverse_payment(body.command(payment_id, by_operator()))
    return payment_shape(payment, wait_for_reversal(payment.id))


@endpoint(
    "POST",
    "/payments/<payment_id>/move",
    permission=Permission.REVERSE_PAYMENTS,
    body=MoveRequest,
    answer=PaymentShape,
    status=201,
    event=Event("api.move_payment", "Moved a payment to another subscriber", "payment"),
)
def move_payment(payment_id: str, body: MoveRequest) -> PaymentShape:
    """Move a payment to the subscriber who really paid. Returns the new payment; the old one is reversed."""
    payment = services().payment.move_payment(body.command(payment_id, by_operator()))
    wait_for_reversal(payment_id)
    return payment_shape(payment, wait_for_allocations(payment.id))


@endpoint(
    "GET",
    "/payments",
    permission=Permission.VIEW_BILLING,
    query=PaymentFilter,
    answer=Listing[PaymentSummaryShape],
)
def list_payments(query: PaymentFilter) -> Page[PaymentView]:
    """List payments."""
    wanted = PaymentQuery(
        query.query,
        query.method,
        query.received_from,
        query.received_until,
        query.subscriber_id,
        query.order,
    )
    return services().payment.list_payments(wanted, query.limit, query.after)


@endpoint("GET", "/payments/<payment_id>", permission=Permission.VIEW_BILLING, answer=PaymentShape)
def get_payment(payment_id: str) -> PaymentShape:
    """Show a payment and how it was allocated."""
    return payment_shape(services().payment.get_payment(payment_id), _allocations(payment_id))


def payment_shape(payment: PaymentView, allocations: list[AllocationView] | None) -> PaymentShape:
    went_to = [AllocationShape.of(part) for part in allocations] if allocations is not None else None
    return PaymentShape(**dict(PaymentSummaryShape.of(payment)), allocations=went_to)


def _allocations(payment_id: str) -> list[AllocationView] | None:
    return if_it_answers(lambda: current().optional.billing.find_allocations(payment_id))
