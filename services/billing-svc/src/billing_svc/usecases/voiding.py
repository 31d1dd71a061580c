"""Voiding invoices: they no longer count in any total, and payments on them become credit.

A month of a void invoice is billed again only if asked for, unless it is reopened for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from contracts.billing import VoidInvoice
from contracts.billing_runs import RunStatus, VoidBillingRun
from contracts.common import Conflict
from contracts.money import Money
from servicekit import loading
from servicekit.db import is_unset
from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from billing_svc.domain import ledger
from billing_svc.domain.invoices import InvoiceState, check_void_reason
from billing_svc.models import (
    Account,
    Allocation,
    BillingRun,
    BillingRunItem,
    Invoice,
    InvoiceLine,
    ReceivedPayment,
    ServiceProjection,
)
from billing_svc.usecases import books
from billing_svc.usecases.projections import lock_account
from billing_svc.usecases.settlement import settle_if_clear, use_credit

BATCH = 250
ACTIVE = Allocation.reversed_at.is_(None)


def void_invoice(session: Session, command: VoidInvoice, *, now: datetime, today: date) -> Invoice:
    """Void an invoice. Does nothing if it was voided before.

    Raises NotFound if there is no such invoice, InvalidInput for a bad reason, and Conflict if it is paid.
    """
    reason = check_void_reason(command.reason)
    invoice = loading.get(session, Invoice, command.invoice_id)
    account = lock_account(session, invoice.subscriber_id)
    session.refresh(invoice)
    if invoice.state is InvoiceState.VOID:
        return invoice
    if invoice.state is InvoiceState.PAID:
        raise Conflict(f"invoice {invoice.number} is paid, and a paid invoice cannot be voided")
    _void(session, [invoice], command.actor, reason, reopen=command.bill_again, now=now, today=today)
    use_credit(session, invoice.subscriber_id, now=now)
    settle_if_clear(session, account, cause=None, now=now, today=today)
    return invoice


def check_run_can_be_voided(session: Session, command: VoidBillingRun) -> None:
    """Raises NotFound if there is no such run, InvalidInput for a bad reason, and Conflict if the run is a
    preview, is unfinished, or one of its invoices has been paid since."""
    check_void_reason(command.reason)
    run = loading.get(session, BillingRun, command.run_id)
    if run.dry_run:
        raise Conflict("a preview has no invoices to void")
    if run.status is RunStatus.RUNNING:
        raise Conflict("the billing run is still in progress; wait until it has finished")
    paid = session.scalar(select(func.count()).select_from(Invoice).where(_of_run(run.id), _paid_since()))
    if paid:
        some = "1 of its invoices has" if paid == 1 else f"{paid:,} of its invoices have"
        raise Conflict(f"{some} been paid since; void the others one by one, or reverse the payments first")


def void_next_of_run(
    session: Session, command: VoidBillingRun, after: str | None, *, now: datetime, today: date
) -> str | None:
    """Void the next batch of a run's invoices, and reopen their months. Returns where the following batch
    begins, or None after the last. Invoices that are void, or were paid in the meantime, stay as they are."""
    query = select(BillingRunItem.subscriber_id).where(
        BillingRunItem.run_id == command.run_id, BillingRunItem.invoice_id.is_not(None)
    )
    if after is not None:
        query = query.where(BillingRunItem.subscriber_id > after)
    subscriber_ids = session.scalars(query.order_by(BillingRunItem.subscriber_id).limit(BATCH)).all()
    if not subscriber_ids:
        return None
    accounts = session.scalars(
        select(Account)
        .where(Account.subscriber_id.in_(subscriber_ids))
        .order_by(Account.subscriber_id)
        .with_for_update()
    ).all()
    invoices = session.scalars(
        select(Invoice).where(
            _of_run(command.run_id),
            Invoice.subscriber_id.in_(subscriber_ids),
            Invoice.state != InvoiceState.VOID,
            ~_paid_since(),
        )
    ).all()
    reason = check_void_reason(command.reason)
    _void(session, invoices, command.actor, reason, reopen=True, now=now, today=today)
    voided = {invoice.subscriber_id for invoice in invoices}
    with_credit = select(ReceivedPayment.subscriber_id).where(
        ReceivedPayment.subscriber_id.in_(voided), is_unset(ReceivedPayment.exhausted)
    )
    for subscriber_id in session.scalars(with_credit.distinct()).all():
        use_credit(session, subscriber_id, now=now)
    for account in accounts:
        if account.subscriber_id in voided and account.suspension_requested:
            settle_if_clear(session, account, cause=None, now=now, today=today)
    return subscriber_ids[-1]


def _of_run(run_id: str) -> ColumnElement[bool]:
    return Invoice.id.in_(select(BillingRunItem.invoice_id).where(BillingRunItem.run_id == run_id))


def _paid_since() -> ColumnElement[bool]:
    """Whether money came in for the invoice. Credit that was there when it was issued does not count."""
    return exists().where(
        Allocation.invoice_id == Invoice.id, ACTIVE, Allocation.allocated_at > Invoice.created_at
    )


def _void(
    session: Session,
    invoices: Sequence[Invoice],
    actor: str,
    reason: str,
    *,
    reopen: bool,
    now: datetime,
    today: date,
) -> None:
    """Void these invoices, whose accounts are locked, with one statement per table."""
    ids = [invoice.id for invoice in invoices]
    if not ids:
        return
    for invoice in invoices:
        invoice.state = InvoiceState.VOID
        invoice.voided_at, invoice.voided_by, invoice.void_reason = now, actor, reason
    lines = update(InvoiceLine).where(InvoiceLine.invoice_id.in_(ids))
    session.execute(lines.values(voided=True, reopened=reopen))
    if reopen:
        services = select(InvoiceLine.service_id).where(InvoiceLine.invoice_id.in_(ids))
        session.execute(
            update(ServiceProjection).where(ServiceProjection.service_id.in_(services)).values(closed=False)
        )
    _free_allocations(session, ids, now)
    _reverse_in_ledger(session, invoices, now=now, today=today)
    session.flush()


def _free_allocations(session: Session, invoice_ids: Sequence[str], now: datetime) -> None:
    active = (Allocation.invoice_id.in_(invoice_ids), ACTIVE)
    payment_ids = session.scalars(select(Allocation.payment_id).where(*active).distinct()).all()
    session.execute(update(Allocation).where(*active).values(reversed_at=now))
    session.execute(
        update(ReceivedPayment).where(ReceivedPayment.payment_id.in_(payment_ids)).values(exhausted=False)
    )


def _reverse_in_ledger(session: Session, invoices: Sequence[Invoice], *, now: datetime, today: date) -> None:
    sums = (
        select(InvoiceLine.invoice_id, func.sum(InvoiceLine.tax_minor))
        .where(InvoiceLine.invoice_id.in_([invoice.id for invoice in invoices]))
        .group_by(InvoiceLine.invoice_id)
    )
    tax: dict[str, int] = {invoice_id: int(minor) for invoice_id, minor in session.execute(sums)}
    entries = [
        entry
        for invoice in invoices
        for entry in ledger.invoice_voided(
            invoice_id=invoice.id,
            subscriber_id=invoice.subscriber_id,
            total=Money(invoice.total_minor, invoice.currency),
            tax=Money(tax[invoice.id], invoice.currency),
            on=today,
            at=now,
        )
    ]
    books.enter(session, entries)
