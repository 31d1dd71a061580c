"""Rows to contract views, always paged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from contracts.billing import (
    AccountView,
    AllocationView,
    BillingRunView,
    InvoiceLineView,
    InvoiceStatus,
    InvoiceSummary,
    InvoiceView,
    ItemOutcome,
    LedgerCheck,
    LedgerEntryView,
    Receivables,
    RunItem,
)
from contracts.common import BillingPeriod, InvalidInput, NotFound, Page
from contracts.money import DEFAULT_CURRENCY, Money
from servicekit.paging import MOST, page_of
from sqlalchemy import Select, case, exists, func, select
from sqlalchemy.orm import Session, selectinload

from billing_svc.domain.invoices import InvoiceState, shown_status
from billing_svc.domain.periods import days_overdue
from billing_svc.models import (
    Allocation,
    BillingRun,
    BillingRunItem,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    ReceivedPayment,
)
from billing_svc.usecases.ledger import RECEIVABLE
from billing_svc.usecases.settlement import allocated

LAST_ENTRY = 2**63 - 1
STANDING = Allocation.reversed_at.is_(None)


# Invoices


def get_invoice(session: Session, invoice_id: str, today: date) -> InvoiceView:
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
    )


def list_invoices(
    session: Session,
    status: InvoiceStatus | None,
    subscriber_id: str | None,
    limit: int,
    after: str | None,
    today: date,
) -> Page[InvoiceSummary]:
    query = select(Invoice)
    if subscriber_id is not None:
        query = query.where(Invoice.subscriber_id == subscriber_id)
    if status is not None:
        query = _with_status(query, status, today)
    page = page_of(session, query, Invoice.id, lambda invoice: invoice, limit=limit, after=after)
    paid = allocated(session, [invoice.id for invoice in page.items])
    return Page([_summary(invoice, paid.get(invoice.id, 0), today) for invoice in page.items], page.next)


def _with_status(query: Select, status: InvoiceStatus, today: date) -> Select:
    """The same rule as domain.invoices.shown_status, in SQL."""
    if status is InvoiceStatus.VOID:
        return query.where(Invoice.state == InvoiceState.VOID)
    if status is InvoiceStatus.PAID:
        return query.where(Invoice.state == InvoiceState.PAID)
    query = query.where(Invoice.state == InvoiceState.OPEN)
    if status is InvoiceStatus.OVERDUE:
        return query.where(Invoice.due_on < today)
    partly = exists().where(Allocation.invoice_id == Invoice.id, STANDING)
    query = query.where(Invoice.due_on >= today)
    return query.where(partly if status is InvoiceStatus.PARTIALLY_PAID else ~partly)


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


# Accounts and the ledger


def list_accounts(session: Session, subscriber_ids: Sequence[str], today: date) -> list[AccountView]:
    """One view per id asked for (at most 200), zero for those nothing is known of."""
    ids = list(subscriber_ids)[:MOST]
    receivable = _sums(session, _receivable_balance(), LedgerEntry.subscriber_id, ids)
    credit = _sums(session, _credit(), ReceivedPayment.subscriber_id, ids)
    overdue = _sums(session, _left_to_pay().where(Invoice.due_on < today), Invoice.subscriber_id, ids)
    return [
        AccountView(
            subscriber_id=subscriber_id,
            balance=Money(receivable.get(subscriber_id, 0)),
            credit=Money(credit.get(subscriber_id, 0)),
            overdue=Money(overdue.get(subscriber_id, 0)),
        )
        for subscriber_id in ids
    ]


def list_ledger_entries(
    session: Session, subscriber_id: str, limit: int, after: str | None
) -> Page[LedgerEntryView]:
    query = select(LedgerEntry).where(LedgerEntry.subscriber_id == subscriber_id)
    cursor = _entry_cursor(after) if after else None
    return page_of(session, query, LedgerEntry.id, _entry_view, limit=limit, after=cursor)


def _entry_cursor(after: str) -> int:
    """Raises InvalidInput."""
    if not (after.isascii() and after.isdigit()) or int(after) > LAST_ENTRY:
        raise InvalidInput.of("after", f"{after!r} is no cursor of this list")
    return int(after)


def check_ledger(session: Session) -> LedgerCheck:
    """Prove the ledger: per subscriber, receivable = what is left on invoices - unallocated money."""
    receivable = _sums(session, _receivable_balance(), LedgerEntry.subscriber_id)
    credit = _sums(session, _credit(), ReceivedPayment.subscriber_id)
    invoices = _sums(session, _left_to_pay(), Invoice.subscriber_id)
    everybody = receivable.keys() | credit.keys() | invoices.keys()
    wrong = [
        subscriber_id
        for subscriber_id in everybody
        if receivable.get(subscriber_id, 0) != invoices.get(subscriber_id, 0) - credit.get(subscriber_id, 0)
    ]
    return LedgerCheck(
        receivable=Money(sum(receivable.values())),
        credit=Money(sum(credit.values())),
        invoices_open=Money(sum(invoices.values())),
        differences=sorted(wrong)[:MOST],
    )


def get_receivables(session: Session, today: date) -> Receivables:
    def left(query: Select) -> Money:
        return Money(sum(_sums(session, query, Invoice.currency).values()))

    def collected(since: date) -> Money:
        received = select(func.sum(ReceivedPayment.amount_minor)).where(ReceivedPayment.received_on >= since)
        return Money(int(session.scalar(received) or 0))

    return Receivables(
        receivable=left(_left_to_pay()),
        overdue=left(_left_to_pay().where(Invoice.due_on < today)),
        collected_today=collected(today),
        collected_this_month=collected(today.replace(day=1)),
    )


def _receivable_balance() -> Select:
    signed = case(
        (LedgerEntry.debit_account == RECEIVABLE, LedgerEntry.amount_minor),
        else_=-LedgerEntry.amount_minor,
    )
    return select(func.sum(signed)).where(
        (LedgerEntry.debit_account == RECEIVABLE) | (LedgerEntry.credit_account == RECEIVABLE)
    )


def _left_to_pay() -> Select:
    paid = (
        select(func.sum(Allocation.amount_minor))
        .where(Allocation.invoice_id == Invoice.id, STANDING)
        .correlate(Invoice)
        .scalar_subquery()
    )
    left = Invoice.total_minor - func.coalesce(paid, 0)
    return select(func.sum(left)).where(Invoice.state == InvoiceState.OPEN)


def _credit() -> Select:
    used = (
        select(func.sum(Allocation.amount_minor))
        .where(Allocation.payment_id == ReceivedPayment.payment_id, STANDING)
        .correlate(ReceivedPayment)
        .scalar_subquery()
    )
    unused = ReceivedPayment.amount_minor - func.coalesce(used, 0)
    return select(func.sum(unused)).where(ReceivedPayment.exhausted.is_(False))


def _sums(session: Session, query: Select, key, keys: Sequence[str] | None = None) -> dict[str, int]:
    """The one sum of `query` per value of the column `key`, for these values or for all."""
    query = query.add_columns(key).group_by(key)
    if keys is not None:
        query = query.where(key.in_(keys))
    return {value: int(amount or 0) for amount, value in session.execute(query)}


def _entry_view(entry: LedgerEntry) -> LedgerEntryView:
    return LedgerEntryView(
        id=entry.id,
        subscriber_id=entry.subscriber_id,
        debit_account=entry.debit_account,
        credit_account=entry.credit_account,
        amount=Money(entry.amount_minor, entry.currency),
        kind=entry.kind,
        source_id=entry.source_id,
        effective_on=entry.effective_on,
        recorded_at=entry.recorded_at,
    )


# Billing runs


def get_billing_run(session: Session, run_id: str) -> BillingRunView:
    run = session.get(BillingRun, run_id)
    if run is None:
        raise NotFound(f"there is no billing run {run_id}")
    return run_view(run)


def list_billing_runs(session: Session, limit: int, after: str | None) -> Page[BillingRunView]:
    return page_of(session, select(BillingRun), BillingRun.id, run_view, limit=limit, after=after)


def list_billing_run_items(
    session: Session, run_id: str, outcome: ItemOutcome | None, limit: int, after: str | None
) -> Page[RunItem]:
    query = select(BillingRunItem).where(BillingRunItem.run_id == run_id)
    if outcome is not None:
        query = query.where(BillingRunItem.outcome == outcome)
    return page_of(session, query, BillingRunItem.subscriber_id, _item_view, limit=limit, after=after)


def run_view(run: BillingRun) -> BillingRunView:
    return BillingRunView(
        id=run.id,
        date=run.run_on,
        period=BillingPeriod(run.period_start, run.period_end),
        dry_run=run.dry_run,
        status=run.status,
        total=run.total,
        created=run.created,
        skipped=run.skipped,
        failed=run.failed,
        amount=Money(run.amount_minor, DEFAULT_CURRENCY),
        error=run.error,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def _item_view(item: BillingRunItem) -> RunItem:
    return RunItem(
        subscriber_id=item.subscriber_id,
        subscriber_name=item.subscriber_name,
        outcome=item.outcome,
        reason=item.reason,
        invoice_id=item.invoice_id,
        amount=None if item.amount_minor is None else Money(item.amount_minor),
    )
