"""Rows to contract views, always paged."""

from __future__ import annotations

from contracts.common import NotFound, Page
from contracts.money import Money
from contracts.payment import PaymentView
from servicekit.paging import page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from payment_svc.models import Payment

SAME_REFERENCE_SHOWN = 5


def get_payment(session: Session, payment_id: str) -> PaymentView:
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFound(f"there is no payment {payment_id}")
    return payment_view(session, payment)


def list_payments(
    session: Session, subscriber_id: str | None, limit: int, after: str | None
) -> Page[PaymentView]:
    query = select(Payment)
    if subscriber_id is not None:
        query = query.where(Payment.subscriber_id == subscriber_id)
    page = page_of(session, query, Payment.id, lambda payment: payment, limit=limit, after=after)
    return Page([_view(payment, []) for payment in page.items], page.next)


def payment_view(session: Session, payment: Payment) -> PaymentView:
    """With the other payments that bear the same reference, which is worth a warning."""
    if not payment.reference:
        return _view(payment, [])
    others = session.scalars(
        select(Payment.id)
        .where(Payment.reference == payment.reference, Payment.id != payment.id)
        .order_by(Payment.id)
        .limit(SAME_REFERENCE_SHOWN)
    )
    return _view(payment, list(others))


def _view(payment: Payment, same_reference: list[str]) -> PaymentView:
    return PaymentView(
        id=payment.id,
        subscriber_id=payment.subscriber_id,
        invoice_id=payment.invoice_id,
        amount=Money(payment.amount_minor, payment.currency),
        method=payment.method,
        reference=payment.reference,
        received_on=payment.received_on,
        recorded_at=payment.recorded_at,
        recorded_by=payment.recorded_by,
        same_reference=same_reference,
    )
