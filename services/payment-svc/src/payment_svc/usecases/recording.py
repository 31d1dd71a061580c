"""Recording payments."""

from __future__ import annotations

from datetime import date, datetime

from contracts.common import Command, check_confirmed
from contracts.money import Money
from contracts.payment import PaymentReceived, PaymentView, RecordPayment
from contracts.receivables import PaymentPreview
from servicekit import outbox
from servicekit.ids import new_id
from servicekit.tables import IdempotentCommand
from sqlalchemy.orm import Session

from payment_svc.domain import checks, suspicions
from payment_svc.models import Payment


def check(command: RecordPayment, today: date) -> None:
    """The checks that need no other service. Raises InvalidInput."""
    checks.check_amount(command.amount)
    checks.check_reference(command.reference)
    checks.check_received_on(command.received_on or today, today)


def check_plausible(
    command: RecordPayment,
    *,
    preview: PaymentPreview | None,
    customer_since: date | None,
    others: list[PaymentView],
    today: date,
) -> None:
    """Raises NeedsConfirmation if the payment looks like a mistake and was not confirmed.

    `preview` and the customer's first day are None if they are not known; `others` have the same reference.
    """
    received_on = command.received_on or today
    found = [
        suspicions.reference_warning(others),
        suspicions.age_warning(received_on, today),
        suspicions.first_day_warning(received_on, customer_since),
        suspicions.amount_warning(command.amount, preview) if preview is not None else None,
    ]
    check_confirmed(command, [warning for warning in found if warning is not None])


def is_repeat(session: Session, command: Command) -> bool:
    """Whether a command with the same idempotency key was carried out before."""
    key = command.idempotency_key
    return key is not None and session.get(IdempotentCommand, key) is not None


def record_payment(session: Session, command: RecordPayment, *, now: datetime, today: date) -> Payment:
    """Record the payment and publish it; billing allocates it. Raises InvalidInput."""
    check(command, today)
    payment = Payment(
        id=new_id(),
        subscriber_id=command.subscriber_id,
        invoice_id=command.invoice_id,
        amount_minor=command.amount.minor,
        currency=command.amount.currency,
        method=command.method,
        reference=checks.check_reference(command.reference),
        received_on=command.received_on or today,
        recorded_at=now,
        recorded_by=command.actor,
    )
    enter(session, payment, now=now)
    return payment


def enter(session: Session, payment: Payment, *, now: datetime) -> None:
    """Add a payment and publish it."""
    session.add(payment)
    event = PaymentReceived(
        payment_id=payment.id,
        subscriber_id=payment.subscriber_id,
        invoice_id=payment.invoice_id,
        amount=Money(payment.amount_minor, payment.currency),
        method=payment.method,
        received_on=payment.received_on,
        paid_at=now,
    )
    outbox.add(session, event, now=now)
