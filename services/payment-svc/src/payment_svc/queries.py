"""Rows to contract views, always paged."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.common import NotFound, Page
from contracts.money import Money
from contracts.payment import PaymentOrder, PaymentQuery, PaymentView
from servicekit.paging import Order, page_of, searched
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from payment_svc.models import Payment, SubscriberProjection

SAME_REFERENCE_SHOWN = 5
ORDERS = {
    PaymentOrder.NEWEST: None,
    PaymentOrder.RECEIVED_ON: Order(Payment.received_on),
    PaymentOrder.RECEIVED_ON_DESCENDING: Order(Payment.received_on, descending=True),
    PaymentOrder.AMOUNT: Order(Payment.amount_minor),
    PaymentOrder.AMOUNT_DESCENDING: Order(Payment.amount_minor, descending=True),
}


def get_payment(session: Session, payment_id: str) -> PaymentView:
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFound(f"there is no payment {payment_id}")
    return payment_view(session, payment)


def list_payments(session: Session, query: PaymentQuery, limit: int, after: str | None) -> Page[PaymentView]:
    found, order = _found(query), ORDERS[query.order]
    page = page_of(session, found, Payment.id, lambda row: row, limit=limit, after=after, order=order)
    names = _names(session, [payment.subscriber_id for payment in page.items])
    return Page([_view(payment, names, []) for payment in page.items], page.next)


def payment_view(session: Session, payment: Payment) -> PaymentView:
    """With the other payments that bear the same reference, which is worth a warning."""
    names = _names(session, [payment.subscriber_id])
    if not payment.reference:
        return _view(payment, names, [])
    others = session.scalars(
        select(Payment.id)
        .where(Payment.reference == payment.reference, Payment.id != payment.id)
        .order_by(Payment.id)
        .limit(SAME_REFERENCE_SHOWN)
    )
    return _view(payment, names, list(others))


def _found(query: PaymentQuery) -> Select:
    found = select(Payment)
    text = searched(query.text)
    if text:
        found = found.where(_matches(text))
    if query.method is not None:
        found = found.where(Payment.method == query.method)
    if query.received_from is not None:
        found = found.where(Payment.received_on >= query.received_from)
    if query.received_until is not None:
        found = found.where(Payment.received_on <= query.received_until)
    if query.subscriber_id is not None:
        found = found.where(Payment.subscriber_id == query.subscriber_id)
    return found


def _matches(text: str) -> ColumnElement[bool]:
    by_name = select(SubscriberProjection.subscriber_id).where(
        SubscriberProjection.name_key.contains(text, autoescape=True)
    )
    return or_(Payment.reference_key.contains(text, autoescape=True), Payment.subscriber_id.in_(by_name))


def _names(session: Session, subscriber_ids: Sequence[str]) -> dict[str, str]:
    """Of those whose name was heard."""
    kept = select(SubscriberProjection.subscriber_id, SubscriberProjection.full_name)
    return dict(session.execute(kept.where(SubscriberProjection.subscriber_id.in_(subscriber_ids))).all())


def _view(payment: Payment, names: dict[str, str], same_reference: list[str]) -> PaymentView:
    return PaymentView(
        id=payment.id,
        subscriber_id=payment.subscriber_id,
        subscriber_name=names.get(payment.subscriber_id, ""),
        invoice_id=payment.invoice_id,
        amount=Money(payment.amount_minor, payment.currency),
        method=payment.method,
        reference=payment.reference,
        received_on=payment.received_on,
        recorded_at=payment.recorded_at,
        recorded_by=payment.recorded_by,
        same_reference=same_reference,
    )
