"""Reading payments. Lists are paged."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.common import Page
from contracts.money import Money
from contracts.payment import PaymentOrder, PaymentQuery, PaymentView, ReversalView
from servicekit import loading
from servicekit.paging import Order, page_of, searched
from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from payment_svc.models import Payment, PaymentReversal, SubscriberProjection

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
    reversals = _reversals(session, [payment.id for payment in page.items])
    return Page([_view(payment, names, reversals, []) for payment in page.items], page.next)


def payment_view(session: Session, payment: Payment) -> PaymentView:
    """The view of a payment, with the latest others that have the same reference, as a warning."""
    names = _names(session, [payment.subscriber_id])
    others = [other.id for other in same_reference(session, payment.reference) if other.id != payment.id]
    return _view(payment, names, _reversals(session, [payment.id]), others[-SAME_REFERENCE_SHOWN:])


def payments_with_reference(session: Session, reference: str) -> list[PaymentView]:
    """The latest payments with this reference that are not reversed, oldest first."""
    found = same_reference(session, reference.strip())
    names = _names(session, [payment.subscriber_id for payment in found])
    return [_view(payment, names, [], []) for payment in found]


def same_reference(session: Session, reference: str) -> Sequence[Payment]:
    """The latest payments with this reference that are not reversed, oldest first; none without one."""
    if not reference:
        return []
    found = (
        select(Payment)
        .where(Payment.reference == reference, ~exists().where(PaymentReversal.payment_id == Payment.id))
        .order_by(Payment.id.desc())
        .limit(SAME_REFERENCE_SHOWN + 1)
    )
    return session.scalars(found).all()[::-1]


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


def _reversals(session: Session, payment_ids: Sequence[str]) -> list[PaymentReversal]:
    """The reversals of these payments, and those that these payments replace."""
    found = select(PaymentReversal).where(
        or_(PaymentReversal.payment_id.in_(payment_ids), PaymentReversal.moved_to.in_(payment_ids))
    )
    return list(session.scalars(found))


def _view(
    payment: Payment, names: dict[str, str], reversals: Sequence[PaymentReversal], same_reference: list[str]
) -> PaymentView:
    reversal = next((each for each in reversals if each.payment_id == payment.id), None)
    replaced = next((each for each in reversals if each.moved_to == payment.id), None)
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
        reversal=_reversal_view(reversal) if reversal is not None else None,
        moved_from=replaced.payment_id if replaced is not None else None,
    )


def _reversal_view(reversal: PaymentReversal) -> ReversalView:
    return ReversalView(
        reason=reversal.reason,
        reversed_at=reversal.reversed_at,
        reversed_by=reversal.reversed_by,
        counts_on=reversal.counts_on,
        moved_to=reversal.moved_to,
    )
