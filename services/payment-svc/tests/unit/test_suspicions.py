from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from contracts.money import Money
from contracts.payment import PaymentMethod, PaymentView
from contracts.receivables import PaymentPreview
from payment_svc.domain.suspicions import (
    age_warning,
    amount_warning,
    first_day_warning,
    reference_warning,
    shown,
)

TODAY = date(2026, 11, 23)


def preview(owed: int, credit: int = 0, monthly: int | None = 150_000):
    money = Money(monthly) if monthly is not None else None
    return PaymentPreview(Money(owed), [], Money(credit), money)


@pytest.mark.parametrize(
    ("minor", "owed", "monthly", "is_high"),
    [
        (450_000, 150_000, 150_000, False),
        (450_001, 150_000, 150_000, True),
        (301, 100, 150_000, True),
        (300_000, 0, 150_000, False),
        (300_001, 0, 150_000, True),
        (300_001, -50_000, 150_000, True),  # credit: nothing is owed
        (10**11, 0, None, False),  # no service: nothing to compare with
        (10**11, 0, 0, False),  # a free plan
    ],
)
def test_amount_is_high_above_3_balances_or_2_months(minor, owed, monthly, is_high):
    warning = amount_warning(Money(minor), preview(owed, monthly=monthly))
    assert (warning is not None) is is_high


def test_warning_of_an_amount_names_what_becomes_credit():
    warning = amount_warning(Money(700_150_000), preview(150_000, credit=700_000_000))
    assert warning is not None
    assert warning.code == "amount_high"
    assert warning.message == (
        "₱7,001,500.00 is more than 3 times what they owe (₱1,500.00). ₱7,000,000.00 becomes credit."
    )


def test_used_reference_names_the_latest_payment_and_links_to_it():
    first, latest = (
        PaymentView(
            id=name,
            subscriber_id="juan",
            subscriber_name="Juan dela Cruz",
            invoice_id=None,
            amount=Money(150_000),
            method=PaymentMethod.GCASH,
            reference="G-1",
            received_on=date(2026, 4, 8),
            recorded_at=datetime(2026, 4, 8, tzinfo=UTC),
            recorded_by="ana@example.com",
            same_reference=[],
        )
        for name in ("first", "latest")
    )
    warning = reference_warning([first, latest])
    assert warning is not None
    assert (warning.code, warning.data) == ("reference_used", {"payment_id": "latest"})
    assert warning.message == (
        "The reference G-1 was used before: ₱1,500.00 from Juan dela Cruz, received 8 Apr 2026,"
        " recorded by ana@example.com."
    )
    assert reference_warning([]) is None


def test_date_before_the_first_day_of_the_customer_is_a_warning():
    warning = first_day_warning(TODAY - timedelta(days=1), TODAY)
    assert warning is not None
    assert (warning.code, "22 Nov 2026 is before" in warning.message) == ("date_before_customer", True)
    assert first_day_warning(TODAY, TODAY) is None
    assert first_day_warning(date(2000, 1, 1), None) is None


def test_date_more_than_60_days_ago_is_a_warning():
    assert age_warning(TODAY - timedelta(days=60), TODAY) is None
    warning = age_warning(TODAY - timedelta(days=61), TODAY)
    assert warning is not None
    assert warning.code == "date_old"


def test_amounts_are_shown_with_their_currency():
    assert [shown(Money(minor)) for minor in (5, 150_000, -123_456_789)] == [
        "₱0.05",
        "₱1,500.00",
        "-₱1,234,567.89",
    ]
    assert shown(Money(100, "USD")) == "USD 1.00"
