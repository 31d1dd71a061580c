"""Putting money on invoices: payments when they arrive, credit when an invoice is issued or voided.

And taking it off again when a payment is reversed.

Callers must hold the lock of the account (projections.lock_account).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from contracts.billing import AccountSettled, CollectionStatus
from contracts.money import Money
from contracts.payment import PaymentReceived, PaymentReversed
from servicekit import outbox
from servicekit.db import is_unset
from servicekit.ids import new_id
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing_svc.domain import ledger
from billing_svc.domain.allocation import OpenInvoice, allocate_oldest_first
from billing_svc.domain.invoices import InvoiceState
from billing_svc.lookups import allocated, load_settings
from billing_svc.models import Account, Allocation, Invoice, ReceivedPayment
from billing_svc.usecases import books
from billing_svc.usecases.projections import lock_account


@dataclass(frozen=True)
class Cause:
    """The payment that settled an account, and when it was paid."""

    payment_id: str
    paid_at: datetime


def apply_payment(session: Session, event: PaymentReceived, *, now: datetime, today: date) -> None:
    """Enter a payment: it pays the oldest invoices first, and the rest is credit.

    Does nothing if the payment was entered before.
    """
    account = lock_account(session, event.subscriber_id)
    if session.get(ReceivedPayment, event.payment_id) is not None:
        return
    _enter(session, event, now)
    use_credit(session, event.subscriber_id, first=event.invoice_id, now=now)
    settle_if_clear(session, account, cause=Cause(event.payment_id, event.paid_at), now=now, today=today)


def reverse_payment(session: Session, event: PaymentReversed, *, now: datetime) -> None:
    """Undo a payment: what it paid is open again, and other credit of the subscriber pays it if there is any.

    Suspends nobody: the next collections run judges the account by the ordinary rule. Does nothing if the
    payment was reversed before. If the event of the payment itself has not arrived yet, the payment is
    entered here first, so that it changes nothing later.
    """
    lock_account(session, event.subscriber_id)
    payment = session.get(ReceivedPayment, event.payment_id) or _enter(session, event, now)
    if payment.reversed_on is not None:
        return
    payment.reversed_on, payment.exhausted = event.counts_on, True
    _free_invoices(session, payment, now)
    entries = ledger.payment_reversed(
        payment_id=event.payment_id,
        subscriber_id=event.subscriber_id,
        method=event.method,
        amount=event.amount,
        on=event.counts_on,
        at=now,
    )
    books.enter(session, entries)
    session.flush()
    use_credit(session, event.subscriber_id, now=now)


def use_credit(session: Session, subscriber_id: str, *, first: str | None = None, now: datetime) -> None:
    """Pay the subscriber's open invoices from their unallocated money, oldest payment and invoice first.

    The invoice with id `first` is paid before the others. Looks at payments only while an open invoice is
    left, however many of them are credit.
    """
    oldest = (
        select(ReceivedPayment)
        .where(ReceivedPayment.subscriber_id == subscriber_id, is_unset(ReceivedPayment.exhausted))
        .order_by(ReceivedPayment.received_on, ReceivedPayment.payment_id)
        .limit(1)
    )
    payment = session.scalar(oldest)
    still_open = open_balances(session, subscriber_id) if payment is not None else []
    while payment is not None and still_open:
        still_open = _allocate(session, payment, still_open, first=first, now=now)
        payment = session.scalar(oldest)


def is_clear(session: Session, account: Account, today: date) -> bool:
    """Whether the account was reported overdue and no longer is."""
    return account.suspension_requested and not overdue_amount(session, account.subscriber_id, today).minor


def settle_if_clear(
    session: Session, account: Account, *, cause: Cause | None, now: datetime, today: date
) -> bool:
    """Publish that the account is settled, if it was reported overdue and no longer is. True if so."""
    if not is_clear(session, account, today):
        return False
    account.suspension_requested = False
    account.standing_sequence += 1
    session.execute(
        update(Invoice)
        .where(
            Invoice.subscriber_id == account.subscriber_id,
            Invoice.collection_status == CollectionStatus.SUSPENDED,
        )
        .values(collection_status=CollectionStatus.RESTORED)
    )
    outbox.add(
        session,
        AccountSettled(
            subscriber_id=account.subscriber_id,
            sequence=account.standing_sequence,
            paid_at=cause.paid_at if cause else None,
            payment_id=cause.payment_id if cause else None,
        ),
        now=now,
    )
    return True


def open_balances(session: Session, subscriber_id: str) -> list[tuple[Invoice, Money]]:
    """A subscriber's open invoices, oldest first, each with the amount left to pay."""
    invoices = session.scalars(
        select(Invoice)
        .where(Invoice.subscriber_id == subscriber_id, Invoice.state == InvoiceState.OPEN)
        .order_by(Invoice.issued_on, Invoice.number)
    ).all()
    paid = allocated(session, [invoice.id for invoice in invoices])
    return [
        (invoice, Money(invoice.total_minor - paid.get(invoice.id, 0), invoice.currency))
        for invoice in invoices
    ]


def unallocated(session: Session, payment: ReceivedPayment) -> Money:
    """The part of a payment that is not on an invoice."""
    used = session.scalar(
        select(func.sum(Allocation.amount_minor)).where(
            Allocation.payment_id == payment.payment_id, Allocation.reversed_at.is_(None)
        )
    )
    return Money(payment.amount_minor - int(used or 0), payment.currency)


def overdue_amount(session: Session, subscriber_id: str, today: date) -> Money:
    """The sum of the amounts left to pay on overdue invoices."""
    minor = sum(
        balance.minor for invoice, balance in open_balances(session, subscriber_id) if invoice.due_on < today
    )
    return Money(minor, load_settings(session).currency)


def _enter(session: Session, event: PaymentReceived | PaymentReversed, now: datetime) -> ReceivedPayment:
    """Enter the payment of an event, with its movement in the ledger."""
    payment = ReceivedPayment(
        payment_id=event.payment_id,
        subscriber_id=event.subscriber_id,
        amount_minor=event.amount.minor,
        currency=event.amount.currency,
        received_on=event.received_on,
        exhausted=False,
    )
    session.add(payment)
    session.flush()  # allocations refer to it
    entries = ledger.payment_received(
        payment_id=event.payment_id,
        subscriber_id=event.subscriber_id,
        method=event.method,
        amount=event.amount,
        on=event.received_on,
        at=now,
    )
    books.enter(session, entries)
    return payment


def _free_invoices(session: Session, payment: ReceivedPayment, now: datetime) -> None:
    """Take the payment off the invoices that it paid, which are open again."""
    active = session.scalars(
        select(Allocation).where(
            Allocation.payment_id == payment.payment_id, Allocation.reversed_at.is_(None)
        )
    ).all()
    for allocation in active:
        allocation.reversed_at = now
    session.execute(
        update(Invoice)
        .where(
            Invoice.id.in_([allocation.invoice_id for allocation in active]),
            Invoice.state == InvoiceState.PAID,
        )
        .values(state=InvoiceState.OPEN)
    )


def _allocate(
    session: Session,
    payment: ReceivedPayment,
    still_open: list[tuple[Invoice, Money]],
    *,
    first: str | None,
    now: datetime,
) -> list[tuple[Invoice, Money]]:
    """Put a payment on open invoices, which are given oldest first. Returns those that are still open."""
    shares, left = allocate_oldest_first(
        unallocated(session, payment),
        [OpenInvoice(invoice.id, balance) for invoice, balance in still_open],
        first=first,
    )
    balances = {invoice.id: (invoice, balance) for invoice, balance in still_open}
    for share in shares:
        invoice, balance = balances[share.invoice_id]
        session.add(
            Allocation(
                id=new_id(),
                payment_id=payment.payment_id,
                invoice_id=invoice.id,
                amount_minor=share.amount.minor,
                allocated_at=now,
            )
        )
        balances[invoice.id] = (invoice, balance - share.amount)
        if share.amount == balance:
            invoice.state = InvoiceState.PAID
    payment.exhausted = left.minor <= 0
    session.flush()  # the subscriber's next payment must see these allocations
    return [(invoice, balance) for invoice, balance in balances.values() if balance.minor]
