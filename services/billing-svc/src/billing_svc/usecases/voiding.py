"""Voiding an invoice: it no longer counts in any total, and payments on it become credit."""

from __future__ import annotations

from datetime import date, datetime

from contracts.billing import VoidInvoice
from contracts.common import Conflict
from contracts.money import Money
from servicekit import loading
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from billing_svc.domain import ledger
from billing_svc.domain.invoices import InvoiceState, check_void_reason
from billing_svc.models import Invoice, LedgerEntry, ReceivedPayment
from billing_svc.usecases.projections import lock_account
from billing_svc.usecases.settlement import settle_if_clear, use_credit


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
    invoice.state = InvoiceState.VOID
    invoice.voided_at, invoice.voided_by, invoice.void_reason = now, command.actor, reason
    for line in invoice.lines:
        line.voided = True  # so that the service can be billed again for the period
    _free_allocations(session, invoice, now)
    _reverse_in_ledger(session, invoice, now=now, today=today)
    session.flush()
    use_credit(session, invoice.subscriber_id, now=now)
    settle_if_clear(session, account, cause=None, now=now, today=today)
    return invoice


def _free_allocations(session: Session, invoice: Invoice, now: datetime) -> None:
    active = [allocation for allocation in invoice.allocations if allocation.reversed_at is None]
    for allocation in active:
        allocation.reversed_at = now
    payment_ids = [allocation.payment_id for allocation in active]
    session.execute(
        update(ReceivedPayment).where(ReceivedPayment.payment_id.in_(payment_ids)).values(exhausted=False)
    )


def _reverse_in_ledger(session: Session, invoice: Invoice, *, now: datetime, today: date) -> None:
    tax = sum(line.tax_minor for line in invoice.lines)
    entries = ledger.invoice_voided(
        invoice_id=invoice.id,
        subscriber_id=invoice.subscriber_id,
        total=Money(invoice.total_minor, invoice.currency),
        tax=Money(tax, invoice.currency),
        on=today,
        at=now,
    )
    session.execute(insert(LedgerEntry), entries)
