"""Correcting payments that were recorded by mistake. A payment never changes: each step adds rows."""

from __future__ import annotations

from datetime import date, datetime

from contracts.common import Conflict, InvalidInput
from contracts.money import Money
from contracts.payment import MovePayment, PaymentReversed, ReversePayment
from servicekit import loading, outbox
from servicekit.ids import new_id
from sqlalchemy.orm import Session

from payment_svc.domain import checks
from payment_svc.models import Payment, PaymentReversal
from payment_svc.usecases.recording import enter


def reverse_payment(session: Session, command: ReversePayment, *, now: datetime, today: date) -> Payment:
    """Reverse a payment; it counts against what is collected today.

    Raises NotFound, InvalidInput for a bad reason, and Conflict if the payment is reversed already.
    """
    reason = checks.check_reason(command.reason)
    payment = _to_reverse(session, command.payment_id)
    _reverse(session, payment, reason=reason, actor=command.actor, counts_on=today, now=now)
    return payment


def move_payment(session: Session, command: MovePayment, *, now: datetime) -> Payment:
    """Reverse a payment and record it for another subscriber, with its day, method and reference.

    Returns the new payment. Both count on the day it was received, since no money left. Raises NotFound,
    InvalidInput, and Conflict if the payment is reversed already.
    """
    reason = checks.check_reason(command.reason)
    payment = _to_reverse(session, command.payment_id)
    if payment.subscriber_id == command.subscriber_id:
        raise InvalidInput.of("subscriber_id", "is the subscriber who has this payment; choose another one")
    moved = Payment(
        id=new_id(),
        subscriber_id=command.subscriber_id,
        invoice_id=None,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        method=payment.method,
        reference=payment.reference,
        received_on=payment.received_on,
        recorded_at=now,
        recorded_by=command.actor,
    )
    enter(session, moved, now=now)
    session.flush()  # the reversal refers to it
    _reverse(
        session,
        payment,
        reason=reason,
        actor=command.actor,
        counts_on=payment.received_on,
        now=now,
        moved_to=moved.id,
    )
    return moved


def _to_reverse(session: Session, payment_id: str) -> Payment:
    """The payment, locked. Raises NotFound, and Conflict if it is reversed already."""
    payment = loading.lock(session, Payment, payment_id)
    reversal = session.get(PaymentReversal, payment_id)
    if reversal is not None:
        done = "reversed" if reversal.moved_to is None else "moved to another subscriber"
        raise Conflict(f"this payment was already {done} by {reversal.reversed_by}")
    return payment


def _reverse(
    session: Session,
    payment: Payment,
    *,
    reason: str,
    actor: str,
    counts_on: date,
    now: datetime,
    moved_to: str | None = None,
) -> None:
    session.add(
        PaymentReversal(
            payment_id=payment.id,
            moved_to=moved_to,
            reason=reason,
            counts_on=counts_on,
            reversed_at=now,
            reversed_by=actor,
        )
    )
    event = PaymentReversed(
        payment_id=payment.id,
        subscriber_id=payment.subscriber_id,
        amount=Money(payment.amount_minor, payment.currency),
        method=payment.method,
        received_on=payment.received_on,
        counts_on=counts_on,
        reversed_at=now,
    )
    outbox.add(session, event, now=now)
