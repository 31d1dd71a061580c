"""Invoices."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from contracts.billing import (
    CollectionStatus,
    InvoiceOrder,
    InvoiceQuery,
    InvoiceStatus,
    InvoiceSummary,
    InvoiceView,
    PriceSource,
)
from contracts.common import Page
from pydantic import AwareDatetime

from gateway.api.queries import QueryText
from gateway.api.routing import by_operator, endpoint
from gateway.api.services.shapes import ExemptionShape
from gateway.api.shapes import Listing, MoneyShape, Paging, PeriodShape, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.billing import VoidRequest
from gateway.resources.fields import Day, one_of

StatusFilter = Annotated[InvoiceStatus, one_of(InvoiceStatus)]


class InvoiceFilter(Paging):
    """`query`: a part of a number or name. The range of due dates includes both of its days.

    `order`: newest, due_on, -due_on, total or -total.
    """

    query: QueryText | None = None
    status: StatusFilter | None = None
    subscriber_id: QueryText | None = None
    due_from: Day | None = None
    due_until: Day | None = None
    order: Annotated[InvoiceOrder, one_of(InvoiceOrder)] = InvoiceOrder.NEWEST


class LineShape(Shape):
    """A copy of the pricing: amount = price - discount_amount; `amount` includes `tax`."""

    service_id: str
    description: str
    period: PeriodShape
    plan_name: str
    price: MoneyShape
    price_source: PriceSource
    discount_amount: MoneyShape
    tax: MoneyShape
    amount: MoneyShape


class AllocationShape(Shape):
    id: str
    payment_id: str
    invoice_id: str
    invoice_number: str
    amount: MoneyShape
    allocated_at: AwareDatetime


class InvoiceSummaryShape(Shape):
    id: str
    number: str
    subscriber_id: str
    subscriber_name: str
    status: InvoiceStatus
    collection_status: CollectionStatus
    issued_on: date
    due_on: date
    days_overdue: int
    period: PeriodShape
    total: MoneyShape
    balance: MoneyShape


class InvoiceShape(InvoiceSummaryShape):
    """`exemptions` of its services that began while it was overdue: who restored them, and until when."""

    lines: list[LineShape]
    allocations: list[AllocationShape]
    created_at: AwareDatetime
    voided_at: AwareDatetime | None
    voided_by: str | None
    void_reason: str | None
    exemptions: list[ExemptionShape]


@endpoint(
    "GET",
    "/invoices",
    permission=Permission.VIEW_BILLING,
    query=InvoiceFilter,
    answer=Listing[InvoiceSummaryShape],
)
def list_invoices(query: InvoiceFilter) -> Page[InvoiceSummary]:
    """List invoices, without their lines."""
    statuses = (query.status,) if query.status is not None else ()
    wanted = InvoiceQuery(
        query.query, statuses, query.subscriber_id, query.due_from, query.due_until, query.order
    )
    return services().billing.list_invoices(wanted, query.limit, query.after)


@endpoint("GET", "/invoices/<invoice_id>", permission=Permission.VIEW_BILLING, answer=InvoiceShape)
def get_invoice(invoice_id: str) -> InvoiceView:
    """Show an invoice with its lines and payments."""
    return services().billing.get_invoice(invoice_id)


@endpoint(
    "POST",
    "/invoices/<invoice_id>/void",
    permission=Permission.RUN_BILLING,
    body=VoidRequest,
    answer=InvoiceShape,
    event=Event("api.void_invoice", "Voided an invoice", "invoice"),
)
def void_invoice(invoice_id: str, body: VoidRequest) -> InvoiceView:
    """Void an invoice, which keeps its number."""
    return services().billing.void_invoice(body.command(invoice_id, by_operator()))
