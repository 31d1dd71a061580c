from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.domain.invoices import InvoiceState, check_void_reason, shown_status
from contracts.billing import InvoiceStatus
from contracts.common import InvalidInput
from contracts.money import Money

DUE = date(2026, 12, 8)


def status(state: InvoiceState, balance: int, days_after_due: int) -> InvoiceStatus:
    today = DUE + timedelta(days=days_after_due)
    return shown_status(state, total=Money(150_000), balance=Money(balance), due_on=DUE, today=today)


@pytest.mark.parametrize(
    ("balance", "days", "shown"),
    [
        (150_000, -1, InvoiceStatus.SENT),
        (150_000, 0, InvoiceStatus.SENT),  # the due date itself is not late
        (150_000, 1, InvoiceStatus.OVERDUE),
        (149_999, 0, InvoiceStatus.PARTIALLY_PAID),
        (1, 1, InvoiceStatus.OVERDUE),
    ],
)
def test_open_invoice_is_sent_partially_paid_or_overdue(balance, days, shown):
    assert status(InvoiceState.OPEN, balance, days) is shown


@pytest.mark.parametrize("days", [-10, 0, 10])
def test_paid_and_void_invoices_are_never_overdue(days):
    assert status(InvoiceState.PAID, 0, days) is InvoiceStatus.PAID
    assert status(InvoiceState.VOID, 150_000, days) is InvoiceStatus.VOID


def test_void_reason_is_cleaned_or_refused():
    assert check_void_reason("  billed twice\r\nby Peña 😀 \n") == "billed twice\r\nby Peña 😀"
    assert check_void_reason("x" * 500)
    for wrong in ("x" * 501, "a\x00b", "a\x1bb", "\ud83d"):
        with pytest.raises(InvalidInput):
            check_void_reason(wrong)
