"""Invoices, and the invoices that a payment paid. Lists are paged."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time

from contracts.billing import (
    AllocationView,
    CollectionStatus,
    InvoiceOrder,
    InvoiceQuery,
    InvoiceStatus,
    InvoiceSummary,
    InvoiceView,
)
from contracts.common import Page
from contracts.holds import ExemptionView
from servicekit import loading
from servicekit.paging import Order, page_of, searched
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, selectinload

from billing_svc.domain.invoices import InvoiceState, number_of
from billing_svc.lookups import allocated
from billing_svc.models import (
    Account,
    Allocation,
    ExemptionProjection,
    Invoice,
    InvoiceSeries,
    ReceivedPayment,
)
from billing_svc.views import allocation_view, exemption_view, invoice_summary, line_view

ORDERS = {
    InvoiceOrder.NEWEST: None,
    InvoiceOrder.DUE_ON: Order(Invoice.due_on),
    InvoiceOrder.DUE_ON_DESCENDING: Order(Invoice.due_on, descending=True),
    InvoiceOrder.TOTAL: Order(Invoice.total_minor),
    InvoiceOrder.TOTAL_DESCENDING: Order(Invoice.total_minor, descending=True),
}
ACTIVE = Allocation.reversed_at.is_(None)
# Up to this many subscribers are looked up in the index of their invoices. A name that more of them share
# is so common that a scan of the invoices fills a page quickly.
FEW_SUBSCRIBERS = 300
MAX_NUMBER_DIGITS = 18
AFTER_NUMBERS = "~"  # sorts after every character of a number


def get_invoice(session: Session, invoice_id: str, today: date) -> InvoiceView:
    """Raises NotFound if there is no such invoice."""
    invoice = loading.get(
        session, Invoice, invoice_id, options=[selectinload(Invoice.lines), selectinload(Invoice.allocations)]
    )
    active = [allocation for allocation in invoice.allocations if allocation.reversed_at is None]
    paid = sum(allocation.amount_minor for allocation in active)
    return InvoiceView(
        **vars(invoice_summary(invoice, paid, today)),
        lines=[line_view(line, invoice.currency) for line in invoice.lines],
        allocations=[allocation_view(allocation, invoice.number, invoice.currency) for allocation in active],
        created_at=invoice.created_at,
        voided_at=invoice.voided_at,
        voided_by=invoice.voided_by,
        void_reason=invoice.void_reason,
        exemptions=_exemptions(session, invoice, active),
    )


def _exemptions(session: Session, invoice: Invoice, active: Collection[Allocation]) -> list[ExemptionView]:
    """The exemptions of the invoice's services that began while it was overdue."""
    if invoice.collection_status is CollectionStatus.PENDING:
        return []  # nothing was suspended for it
    services = [line.service_id for line in invoice.lines if line.amount_minor]
    # The due date's day in UTC: a service is suspended a day later at the earliest.
    due_at = datetime.combine(invoice.due_on, time(), UTC)
    began = select(ExemptionProjection).where(
        ExemptionProjection.service_id.in_(services), ExemptionProjection.starts_at >= due_at
    )
    if invoice.state is InvoiceState.PAID and active:
        paid_at = max(allocation.allocated_at for allocation in active)
        began = began.where(ExemptionProjection.starts_at <= paid_at)
    return [exemption_view(one) for one in session.scalars(began.order_by(ExemptionProjection.id))]


def list_invoices(
    session: Session, query: InvoiceQuery, limit: int, after: str | None, today: date
) -> Page[InvoiceSummary]:
    found, order = select(Invoice), ORDERS[query.order]
    text = searched(query.text)
    if text:
        found = found.where(_matches(session, text))
    if query.statuses:
        found = found.where(_has_status(query.statuses, today))
    if query.subscriber_id is not None:
        found = found.where(Invoice.subscriber_id == query.subscriber_id)
    if query.due_from is not None:
        found = found.where(Invoice.due_on >= query.due_from)
    if query.due_until is not None:
        found = found.where(Invoice.due_on <= query.due_until)
    page = page_of(session, found, Invoice.id, lambda row: row, limit=limit, after=after, order=order)
    paid = allocated(session, [invoice.id for invoice in page.items])
    items = [invoice_summary(invoice, paid.get(invoice.id, 0), today) for invoice in page.items]
    return Page(items, page.next)


def _matches(session: Session, text: str) -> ColumnElement[bool]:
    """Whether `text` begins the number, is its digits, or is part of the subscriber's current name."""
    named = select(Account.subscriber_id).where(Account.name_key.contains(text, autoescape=True))
    few = session.scalars(named.limit(FEW_SUBSCRIBERS + 1)).all()
    return or_(
        and_(Invoice.number >= text.upper(), Invoice.number < text.upper() + AFTER_NUMBERS),
        Invoice.number.in_(_numbers(session, text)),
        Invoice.subscriber_id.in_(few if len(few) <= FEW_SUBSCRIBERS else named),
    )


def _numbers(session: Session, text: str) -> list[str]:
    """The numbers that `text` may be short for: 123 is INV-000123, or the same in another series."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_DIGITS):
        return []
    return [number_of(prefix, int(text)) for prefix in session.scalars(select(InvoiceSeries.prefix))]


def _has_status(statuses: Collection[InvoiceStatus], today: date) -> ColumnElement[bool]:
    """Whether the status is one of these: the rule of domain.invoices.shown_status, in SQL."""
    any_of: list[ColumnElement[bool]] = []
    if InvoiceStatus.VOID in statuses:
        any_of.append(Invoice.state == InvoiceState.VOID)
    if InvoiceStatus.PAID in statuses:
        any_of.append(Invoice.state == InvoiceState.PAID)
    open_and: list[ColumnElement[bool]] = []
    if InvoiceStatus.OVERDUE in statuses:
        open_and.append(Invoice.due_on < today)
    if not_due := {InvoiceStatus.SENT, InvoiceStatus.PARTIALLY_PAID}.intersection(statuses):
        open_and.append(and_(Invoice.due_on >= today, *_some_paid(not_due)))
    if open_and:
        any_of.append(and_(Invoice.state == InvoiceState.OPEN, or_(*open_and)))
    return or_(*any_of)


def _some_paid(statuses: Collection[InvoiceStatus]) -> list[ColumnElement[bool]]:
    """The condition that tells Sent from Partially Paid among open invoices that are not overdue."""
    if len(statuses) == 2:
        return []
    partly = exists().where(Allocation.invoice_id == Invoice.id, ACTIVE)
    return [partly if InvoiceStatus.PARTIALLY_PAID in statuses else ~partly]


def find_allocations(session: Session, payment_id: str) -> list[AllocationView] | None:
    """The active allocations of a payment, or None if billing has not processed it yet."""
    if session.get(ReceivedPayment, payment_id) is None:
        return None
    rows = session.execute(
        select(Allocation, Invoice.number, Invoice.currency)
        .join(Invoice)
        .where(Allocation.payment_id == payment_id, ACTIVE)
        .order_by(Allocation.id)
    )
    return [allocation_view(allocation, number, currency) for allocation, number, currency in rows]
