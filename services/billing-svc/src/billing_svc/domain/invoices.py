"""The status of an invoice: what is stored is one thing, what is shown is computed."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from contracts.billing import InvoiceStatus
from contracts.common import InvalidInput
from contracts.money import Money

from billing_svc.domain.periods import days_overdue

MAX_VOID_REASON_LENGTH = 500


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


def number_of(series: str, count: int) -> str:
    """The number of the invoice that is the `count`-th of its series."""
    return f"{series}-{count:06d}"


def check_void_reason(reason: str) -> str:
    """The reason without surrounding space. Raises InvalidInput."""
    reason = reason.strip()
    if len(reason) > MAX_VOID_REASON_LENGTH:
        raise InvalidInput.of("reason", f"use at most {MAX_VOID_REASON_LENGTH} characters")
    if not "".join(reason.splitlines()).isprintable():
        raise InvalidInput.of("reason", "contains control characters; remove them")
    return reason
