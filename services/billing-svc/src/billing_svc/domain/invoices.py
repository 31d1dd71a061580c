"""The state of an invoice, which is stored, and its status, which is computed and shown."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from contracts.billing import InvoiceStatus
from contracts.common import InvalidInput
from contracts.money import Money

from billing_svc.domain.periods import days_overdue

MAX_VOID_REASON_LENGTH = 500


class InvoiceState(StrEnum):
    """The stored state. A VOID invoice counts in no total.

    A PAID invoice is OPEN again after a payment on it was reversed.
    """

    OPEN = "open"
    PAID = "paid"
    VOID = "void"


def shown_status(
    state: InvoiceState, *, total: Money, balance: Money, due_on: date, today: date
) -> InvoiceStatus:
    """The status on `today`. An invoice past its due date is OVERDUE even if it is partially paid."""
    if state is InvoiceState.VOID:
        return InvoiceStatus.VOID
    if state is InvoiceState.PAID:
        return InvoiceStatus.PAID
    if days_overdue(due_on, today):
        return InvoiceStatus.OVERDUE
    return InvoiceStatus.PARTIALLY_PAID if balance < total else InvoiceStatus.SENT


def number_of(series: str, count: int) -> str:
    """The number of the `count`-th invoice of a series: INV-000123."""
    return f"{series}-{count:06d}"


def check_void_reason(reason: str) -> str:
    """The reason without surrounding spaces. Raises InvalidInput if it is too long or not printable."""
    reason = reason.strip()
    if len(reason) > MAX_VOID_REASON_LENGTH:
        raise InvalidInput.of("reason", f"is too long; use at most {MAX_VOID_REASON_LENGTH} characters")
    if not "".join(reason.splitlines()).isprintable():
        raise InvalidInput.of("reason", "contains control characters; remove them")
    return reason
