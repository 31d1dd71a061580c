"""Reading payments. Lists are paged."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.common import Page
from contracts.money import Money
from contracts.payment import PaymentOrder, PaymentQuery, PaymentView
from servicekit import loading
from servicekit.paging import Order, page_of, searched
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from payment_svc.models import Payment, SubscriberProjection

SAME_REFERENCE_SHOWN = 5
# Up to this many subscribers are listed by id, so that the database can estimate how many payments match.
FEW_SUBSCRIBERS = 300
ORDERS = {
    PaymentOrder.NEWEST: None,
    PaymentOrder.RECEIVED_ON: Order(Payment.received_on),
    PaymentOrder.RECEIVED_ON_DESCENDING: Order(Payment.received_on, descending=True),
    PaymentOrder.AMOUNT: Order(Payment.amount_minor),
    PaymentOrder.AMOUNT_DESCENDING: Order(Payment.amount_minor, descending=True),
}


def get_payment(session: Session, payment_id: str) -> PaymentView:
    """Raises NotFound if there is no such payment."""
    return payment_view(session, loading.get(session, Payment, payment_id))


def list_payments(session: Session, query: PaymentQuery, limit: int, after: str | None) -> Page[PaymentView]:
    found, order = _found(session, query), ORDERS[query.order]
    page = page_of(session, found, Payment.id, lambda row: row, limit=limit, after=after, order=order)
    names = _names(session, [payment.subscriber_id for payment in page.items])
    return Page([_view(payment, names, []) for payment in page.items], page.next)


def payment_view(session: Session, payment: Payment) -> PaymentView:
    """The view of a payment, with the latest others that have the same reference, as a warning."""
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


def _found(session: Session, query: PaymentQuery) -> Select:
    found = select(Payment)
    text = searched(query.text)
    if text:
        found = found.where(_matches(session, text))
    if query.method is not None:
        found = found.where(Payment.method == query.method)
    if query.received_from is not None:
        found = found.where(Payment.received_on >= query.received_from)
    if query.received_until is not None:
        found = found.where(Payment.received_on <= query.received_until)
    if query.subscriber_id is not None:
        found = found.where(Payment.subscriber_id == query.subscriber_id)
    return found


def _matches(session: Session, text: str) -> ColumnElement[bool]:
    """Whether `text` is part of the reference or of the subscriber's current name."""
    named = select(SubscriberProjection.subscriber_id).where(
        SubscriberProjection.name_key.contains(text, autoescape=True)
    )
    referred = Payment.reference_key.contains(text, autoescape=True)
    few = session.scalars(named.limit(FEW_SUBSCRIBERS + 1)).all()
    if not few:
        return referred
    return or_(referred, Payment.subscriber_id.in_(few if len(few) <= FEW_SUBSCRIBERS else named))


def _names(session: Session, subscriber_ids: Sequence[str]) -> dict[str, str]:
    """Subscriber id to name, for those whose name is known."""
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
