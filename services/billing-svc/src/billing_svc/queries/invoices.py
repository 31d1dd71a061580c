"""Invoices, and where payments went."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from contracts.billing import (
    AllocationView,
    InvoiceLineView,
    InvoiceOrder,
    InvoiceQuery,
    InvoiceStatus,
    InvoiceSummary,
    InvoiceView,
)
from contracts.common import BillingPeriod, NotFound, Page
from contracts.money import Money
from servicekit.paging import Order, page_of, searched
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, selectinload

from billing_svc.domain.invoices import InvoiceState, number_of, shown_status
from billing_svc.domain.periods import days_overdue
from billing_svc.models import Account, Allocation, Invoice, InvoiceLine, InvoiceSeries, ReceivedPayment
from billing_svc.usecases.settlement import allocated

ORDERS = {
    InvoiceOrder.NEWEST: None,
    InvoiceOrder.DUE_ON: Order(Invoice.due_on),
    InvoiceOrder.DUE_ON_DESCENDING: Order(Invoice.due_on, descending=True),
    InvoiceOrder.TOTAL: Order(Invoice.total_minor),
    InvoiceOrder.TOTAL_DESCENDING: Order(Invoice.total_minor, descending=True),
}
STANDING = Allocation.reversed_at.is_(None)
# So many subscribers are looked up in the index of their invoices; a name of more is common enough that
# going through the invoices finds a page soon.
FEW_SUBSCRIBERS = 300
MAX_NUMBER_DIGITS = 18
AFTER_NUMBERS = "~"  # comes after all that a number is made of


def get_invoice(session: Session, invoice_id: str, today: date) -> InvoiceView:
    """Raises NotFound."""
    invoice = session.get(
        Invoice, invoice_id, options=[selectinload(Invoice.lines), selectinload(Invoice.allocations)]
    )
    if invoice is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    standing = [allocation for allocation in invoice.allocations if allocation.reversed_at is None]
    paid = sum(allocation.amount_minor for allocation in standing)
    return InvoiceView(
        **vars(_summary(invoice, paid, today)),
        lines=[_line_view(line) for line in invoice.lines],
        allocations=[_allocation_view(allocation, invoice.number) for allocation in standing],
        created_at=invoice.created_at,
        voided_at=invoice.voided_at,
        voided_by=invoice.voided_by,
        void_reason=invoice.void_reason,
    )


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
    return Page([_summary(invoice, paid.get(invoice.id, 0), today) for invoice in page.items], page.next)


def _matches(session: Session, text: str) -> ColumnElement[bool]:
    """The beginning of a number, its digits alone, or a part of the name the subscriber has now."""
    named = select(Account.subscriber_id).where(Account.name_key.contains(text, autoescape=True))
    few = session.scalars(named.limit(FEW_SUBSCRIBERS + 1)).all()
    return or_(
        and_(Invoice.number >= text.upper(), Invoice.number < text.upper() + AFTER_NUMBERS),
        Invoice.number.in_(_numbers(session, text)),
        Invoice.subscriber_id.in_(few if len(few) <= FEW_SUBSCRIBERS else named),
    )


def _numbers(session: Session, text: str) -> list[str]:
    """What 123 can mean: INV-000123, and the same of each other series."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_DIGITS):
        return []
    return [number_of(prefix, int(text)) for prefix in session.scalars(select(InvoiceSeries.prefix))]


def _has_status(statuses: Collection[InvoiceStatus], today: date) -> ColumnElement[bool]:
    """One of these. The same rule as domain.invoices.shown_status, in SQL."""
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
    """What Sent or Partially Paid asks of an open invoice that is not due; both together ask nothing."""
    if len(statuses) == 2:
        return []
    partly = exists().where(Allocation.invoice_id == Invoice.id, STANDING)
    return [partly if InvoiceStatus.PARTIALLY_PAID in statuses else ~partly]


def _summary(invoice: Invoice, paid_minor: int, today: date) -> InvoiceSummary:
    total = Money(invoice.total_minor, invoice.currency)
    balance = total - Money(paid_minor, invoice.currency)
    if invoice.state is InvoiceState.VOID:
        balance = Money(0, invoice.currency)
    status = shown_status(invoice.state, total=total, balance=balance, due_on=invoice.due_on, today=today)
    late = days_overdue(invoice.due_on, today) if status is InvoiceStatus.OVERDUE else 0
    return InvoiceSummary(
        id=invoice.id,
        number=invoice.number,
        subscriber_id=invoice.subscriber_id,
        subscriber_name=invoice.subscriber_name,
        status=status,
        collection_status=invoice.collection_status,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        days_overdue=late,
        period=BillingPeriod(invoice.period_start, invoice.period_end),
        total=total,
        balance=balance,
    )


def _line_view(line: InvoiceLine) -> InvoiceLineView:
    return InvoiceLineView(
        service_id=line.service_id,
        description=line.description,
        period=BillingPeriod(line.period_start, line.period_end),
        plan_name=line.plan_name,
        price=Money(line.price_minor),
        price_source=line.price_source,
        discount_amount=Money(line.discount_minor),
        tax=Money(line.tax_minor),
        amount=Money(line.amount_minor),
    )


def _allocation_view(allocation: Allocation, number: str) -> AllocationView:
    return AllocationView(
        id=allocation.id,
        payment_id=allocation.payment_id,
        invoice_id=allocation.invoice_id,
        invoice_number=number,
        amount=Money(allocation.amount_minor),
        allocated_at=allocation.allocated_at,
    )


def find_allocations(session: Session, payment_id: str) -> list[AllocationView] | None:
    if session.get(ReceivedPayment, payment_id) is None:
        return None
    rows = session.execute(
        select(Allocation, Invoice.number)
        .join(Invoice)
        .where(Allocation.payment_id == payment_id, STANDING)
        .order_by(Allocation.id)
    )
    return [_allocation_view(allocation, number) for allocation, number in rows]
