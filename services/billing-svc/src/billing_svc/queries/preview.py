"""What a payment would do, before it is recorded."""

from __future__ import annotations

from datetime import date

from contracts.money import Money, total
from contracts.receivables import PaymentPreview, ShareView
from contracts.subscriber import ServiceStatus
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from billing_svc.domain.allocation import OpenInvoice, allocate_oldest_first
from billing_svc.domain.invoices import InvoiceState
from billing_svc.lookups import allocated
from billing_svc.models import Invoice, ServiceProjection
from billing_svc.queries.accounts import list_accounts


def preview_payment(
    session: Session, subscriber_id: str, amount: Money, invoice_id: str | None, today: date
) -> PaymentPreview:
    """How `amount` would be split over the open invoices: by the rule that splits a payment."""
    invoices = {
        invoice.id: invoice
        for invoice in session.scalars(
            select(Invoice)
            .where(Invoice.subscriber_id == subscriber_id, Invoice.state == InvoiceState.OPEN)
            .order_by(Invoice.issued_on, Invoice.number)
        )
    }
    paid = allocated(session, list(invoices))
    left = {
        id_: Money(invoice.total_minor - paid.get(id_, 0), invoice.currency)
        for id_, invoice in invoices.items()
    }
    shares, credit = allocate_oldest_first(
        amount, [OpenInvoice(id_, balance) for id_, balance in left.items()], first=invoice_id
    )
    return PaymentPreview(
        balance=list_accounts(session, [subscriber_id], today)[0].balance,
        shares=[
            ShareView(
                share.invoice_id,
                invoices[share.invoice_id].number,
                share.amount,
                left[share.invoice_id] - share.amount,
            )
            for share in shares
        ],
        credit=credit,
        monthly=_monthly(session, subscriber_id),
    )


def _monthly(session: Session, subscriber_id: str) -> Money | None:
    """The monthly price of the services, without discounts; None if there are none."""
    services = session.scalars(
        select(ServiceProjection)
        .where(ServiceProjection.subscriber_id == subscriber_id)
        .options(joinedload(ServiceProjection.plan))
    ).all()
    if not services:
        return None
    live = [service for service in services if service.status is not ServiceStatus.TERMINATED]
    prices = [_price(service) for service in live or services]
    return total(prices, prices[0].currency)


def _price(service: ServiceProjection) -> Money:
    own = service.individual_price_minor
    return Money(service.plan.price_minor if own is None else own, service.plan.currency)
