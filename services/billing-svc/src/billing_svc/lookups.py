"""Rows and sums that queries and use cases both look up."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from billing_svc.models import Allocation, Invoice, Settings

SETTINGS_ID = 1


def load_settings(session: Session, *, lock: bool = False) -> Settings:
    """The billing settings. `lock` locks them until the transaction ends."""
    return session.get_one(Settings, SETTINGS_ID, with_for_update=lock, populate_existing=lock)


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
