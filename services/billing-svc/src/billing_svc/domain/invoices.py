"""The status of an invoice: what is stored is one thing, what is shown is computed."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from contracts.billing import InvoiceStatus
from contracts.money import Money

from billing_svc.domain.periods import days_overdue


class InvoiceState(StrEnum):
    """Stored. PAID is final; a voided invoice counts in no total."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"


def shown_status(
    state: InvoiceState, *, total: Money, balance: Money, due_on: date, today: date
) -> InvoiceStatus:
    """Overdue wins over Partially Paid: what is past its due date and not paid in full is overdue."""
    if state is InvoiceState.VOID:
        return InvoiceStatus.VOID
    if state is InvoiceState.PAID:
        return InvoiceStatus.PAID
    if days_overdue(due_on, today):
        return InvoiceStatus.OVERDUE
    return InvoiceStatus.PARTIALLY_PAID if balance < total else InvoiceStatus.SENT
