"""Rows and sums that queries and use cases both look up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from contracts.access import COVERED
from contracts.holds import HoldReason
from servicekit.db import is_unset
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.models import (
    Allocation,
    BillingRun,
    ExemptionProjection,
    Invoice,
    ReceivedPayment,
    Settings,
)

SETTINGS_ID = 1
COVERS_OVERDUE = [kind for kind, reasons in COVERED.items() if HoldReason.OVERDUE in reasons]


def load_settings(session: Session, *, lock: bool = False) -> Settings:
    """The billing settings. `lock` locks them until the transaction ends."""
    return session.get_one(Settings, SETTINGS_ID, with_for_update=lock, populate_existing=lock)


def last_automatic_period(session: Session) -> date | None:
    """The first day of the latest period that was run automatically, or None."""
    return session.scalar(select(func.max(BillingRun.period_start)).where(BillingRun.automatic))


def allocated(session: Session, invoice_ids: Sequence[str]) -> dict[str, int]:
    """Invoice id to the minor units that are paid on it, without the invoices on which nothing is."""
    rows = session.execute(
        select(Allocation.invoice_id, func.sum(Allocation.amount_minor))
        .where(Allocation.invoice_id.in_(invoice_ids), Allocation.reversed_at.is_(None))
        .group_by(Allocation.invoice_id)
    )
    return {invoice_id: int(amount) for invoice_id, amount in rows}


def left_to_pay() -> ColumnElement[int]:
    """The minor units left to pay on an open invoice, as a column."""
    paid = (
        select(func.sum(Allocation.amount_minor))
        .where(Allocation.invoice_id == Invoice.id, Allocation.reversed_at.is_(None))
        .correlate(Invoice)
        .scalar_subquery()
    )
    return Invoice.total_minor - func.coalesce(paid, 0)


def unused() -> ColumnElement[int]:
    """The minor units that a payment which is not exhausted has on no invoice, as a column."""
    used = (
        select(func.sum(Allocation.amount_minor))
        .where(Allocation.payment_id == ReceivedPayment.payment_id, Allocation.reversed_at.is_(None))
        .correlate(ReceivedPayment)
        .scalar_subquery()
    )
    return ReceivedPayment.amount_minor - func.coalesce(used, 0)


def open_invoices_of(session: Session, subscriber_ids: Sequence[str]) -> dict[str, tuple[int, date]]:
    """What each subscriber has left to pay, in minor units, and the first due date; without those who owe
    nothing."""
    rows = session.execute(
        select(Invoice.subscriber_id, func.sum(left_to_pay()), func.min(Invoice.due_on))
        .where(Invoice.state == InvoiceState.OPEN, Invoice.subscriber_id.in_(subscriber_ids))
        .group_by(Invoice.subscriber_id)
    )
    return {subscriber_id: (int(left), due_on) for subscriber_id, left, due_on in rows}


def credits_of(session: Session, subscriber_ids: Sequence[str]) -> dict[str, int]:
    """The minor units of each subscriber's payments that are on no invoice; without those who have none."""
    rows = session.execute(
        select(ReceivedPayment.subscriber_id, func.sum(unused()))
        .where(is_unset(ReceivedPayment.exhausted), ReceivedPayment.subscriber_id.in_(subscriber_ids))
        .group_by(ReceivedPayment.subscriber_id)
    )
    return {subscriber_id: int(credit) for subscriber_id, credit in rows}


def is_exempted(at: datetime) -> ColumnElement[bool]:
    """Whether an exemption covers overdue holds at an instant: the rule of contracts.access, in SQL."""
    return and_(
        ExemptionProjection.ended_at.is_(None),
        ExemptionProjection.starts_at <= at,
        ExemptionProjection.until > at,
        ExemptionProjection.kind.in_(COVERS_OVERDUE),
    )


def exempted_services(session: Session, subscriber_id: str, at: datetime) -> dict[str, datetime]:
    """The services of a subscriber that are exempted from overdue holds at an instant, and until when."""
    rows = session.execute(
        select(ExemptionProjection.service_id, func.max(ExemptionProjection.until).label("until"))
        .where(ExemptionProjection.subscriber_id == subscriber_id, is_exempted(at))
        .group_by(ExemptionProjection.service_id)
    )
    return {row.service_id: row.until for row in rows}
