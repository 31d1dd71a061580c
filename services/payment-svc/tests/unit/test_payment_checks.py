from __future__ import annotations

from datetime import date, timedelta

import pytest
from contracts.common import InvalidInput
from contracts.money import MAX_MINOR, Money
from hypothesis import given
from hypothesis import strategies as st
from payment_svc.domain import checks

TODAY = date(2026, 11, 23)


@given(st.integers(1, MAX_MINOR))
def test_amounts_above_zero_are_accepted(minor: int):
    checks.check_amount(Money(minor))


@given(st.integers(max_value=0) | st.integers(min_value=MAX_MINOR + 1))
def test_other_amounts_are_refused(minor: int):
    with pytest.raises(InvalidInput):
        checks.check_amount(Money(minor))


@given(st.text(max_size=120))
def test_reference_is_clean_or_refused(reference: str):
    try:
        kept = checks.check_reference(reference)
    except InvalidInput as refused:
        assert refused.errors[0].field == "reference"
        return
    assert kept == reference.strip()
    assert len(kept) <= 100
    kept.encode()
    assert "\x00" not in kept


def test_references_are_kept_as_people_write_them():
    for reference in ("GCash-20260408-001", "000123", "Peña #7 ₱", "😀"):
        assert checks.check_reference(f"  {reference} ") == reference


@pytest.mark.parametrize("days", [0, -1, -400])
def test_payment_date_can_be_today_or_earlier(days: int):
    checks.check_received_on(TODAY + timedelta(days=days), TODAY)


def test_payment_date_in_the_future_is_refused():
    with pytest.raises(InvalidInput, match="in the future"):
        checks.check_received_on(TODAY + timedelta(days=1), TODAY)
