"""The timeline of an account."""

from __future__ import annotations

from contracts.billing import AccountEvent, AccountEventKind
from contracts.money import Money
from servicekit.paging import MAX_PAGE_SIZE
from sqlalchemy import Select, Text, literal, null, select, type_coerce, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing_svc.models import Allocation, Invoice

# Events of the same instant are listed in this order.
KINDS = (
    AccountEventKind.INVOICE_ISSUED,
    AccountEventKind.INVOICE_VOIDED,
    AccountEventKind.ALLOCATION_REVERSED,
    AccountEventKind.PAYMENT_ALLOCATED,
)


def list_account_events(session: Session, subscriber_id: str, limit: int) -> list[AccountEvent]:
    """The latest `limit` (up to 200) events, newest first."""
    events = union_all(
        _of_invoices(AccountEventKind.INVOICE_ISSUED, Invoice.created_at, subscriber_id),
        _of_invoices(AccountEventKind.INVOICE_VOIDED, Invoice.voided_at, subscriber_id),
        _of_allocations(AccountEventKind.PAYMENT_ALLOCATED, Allocation.allocated_at, subscriber_id),
        _of_allocations(AccountEventKind.ALLOCATION_REVERSED, Allocation.reversed_at, subscriber_id),
    ).subquery()
    newest = select(events).order_by(events.c.at.desc(), events.c.rank.desc(), events.c.id.desc())
    rows = session.execute(newest.limit(max(1, min(limit, MAX_PAGE_SIZE))))
    return [
        AccountEvent(
            at=row.at,
            kind=KINDS[row.rank],
            invoice_id=row.invoice_id,
            invoice_number=row.number,
            payment_id=row.payment_id,
            amount=Money(row.amount_minor, row.currency),
        )
        for row in rows
    ]


def _of_invoices(kind: AccountEventKind, at: InstrumentedAttribute, subscriber_id: str) -> Select:
    return select(
        literal(KINDS.index(kind)).label("rank"),
        at.label("at"),
        Invoice.id.label("id"),
        Invoice.id.label("invoice_id"),
        Invoice.number,
        type_coerce(null(), Text).label("payment_id"),
        Invoice.total_minor.label("amount_minor"),
        Invoice.currency,
    ).where(Invoice.subscriber_id == subscriber_id, at.is_not(None))


def _of_allocations(kind: AccountEventKind, at: InstrumentedAttribute, subscriber_id: str) -> Select:
    return (
        select(
            literal(KINDS.index(kind)),
            at,
            Allocation.id,
            Invoice.id,
            Invoice.number,
            Allocation.payment_id,
            Allocation.amount_minor,
            Invoice.currency,
        )
        .join(Invoice)
        .where(Invoice.subscriber_id == subscriber_id, at.is_not(None))
    )
