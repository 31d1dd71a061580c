from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.domain.periods import period_of
from billing_svc.domain.pricing import price_line
from contracts.billing import PriceSource
from contracts.billing_settings import TaxMode
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from hypothesis import given
from hypothesis import strategies as st

PERIOD = period_of(date(2026, 11, 23))
PRICES = st.builds(Money, st.integers(0, 10**11))
DISCOUNTS = st.one_of(
    st.none(),
    st.builds(
        Discount,
        st.just(DiscountKind.PERCENT),
        st.integers(1, 10_000),
        st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    ),
    st.builds(
        Discount,
        st.just(DiscountKind.AMOUNT),
        st.integers(1, 10**11),
        st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    ),
)


def priced(minor: int, discount: Discount | None = None, *, individual: int | None = None, vat: bool = False):
    terms = BillingTerms(None if individual is None else Money(individual), discount)
    return price_line(Money(minor), terms, PERIOD, TaxMode.VAT_INCLUSIVE if vat else TaxMode.NON_VAT)


@given(PRICES, st.none() | PRICES, DISCOUNTS, st.sampled_from(TaxMode))
def test_amount_is_price_minus_discount_and_includes_tax(plan_price, individual, discount, tax_mode):
    line = price_line(plan_price, BillingTerms(individual, discount), PERIOD, tax_mode)
    assert line.price == (plan_price if individual is None else individual)
    assert line.amount == line.price - line.discount_amount
    assert Money(0) <= line.discount_amount <= line.price
    assert Money(0) <= line.tax <= line.amount
    if tax_mode is TaxMode.VAT_INCLUSIVE:
        assert abs(112 * line.tax.minor - 12 * line.amount.minor) <= 56  # half a centavo
    else:
        assert line.tax == Money(0)


def test_individual_price_of_zero_replaces_the_plan_price():
    assert priced(150_000).price_source is PriceSource.PLAN
    line = priced(150_000, individual=0)
    assert (line.price, line.price_source, line.amount) == (Money(0), PriceSource.INDIVIDUAL, Money(0))


@pytest.mark.parametrize(
    ("price", "hundredths_of_percent", "discount"),
    [
        (150_000, 1_000, 15_000),
        (150_000, 1, 15),
        (99_999, 3_333, 33_330),  # 33,329.67
        (1, 5_000, 1),  # half up
        (3, 5_000, 2),
        (150_000, 10_000, 150_000),
    ],
)
def test_percent_discount_is_rounded_half_up_once(price, hundredths_of_percent, discount):
    line = priced(price, Discount(DiscountKind.PERCENT, hundredths_of_percent))
    assert line.discount_amount == Money(discount)


def test_discount_never_exceeds_the_price():
    line = priced(10_000, Discount(DiscountKind.AMOUNT, 10_001))
    assert (line.discount_amount, line.amount) == (Money(10_000), Money(0))


@pytest.mark.parametrize(("days", "applies"), [(-1, False), (0, True), (1, True), (300, True)])
def test_discount_applies_to_periods_that_begin_by_its_last_day(days, applies):
    until = PERIOD.start + timedelta(days=days)
    line = priced(150_000, Discount(DiscountKind.AMOUNT, 1_000, until))
    assert line.discount_amount == Money(1_000 if applies else 0)


@pytest.mark.parametrize(("amount", "tax"), [(112_000, 12_000), (150_000, 16_071), (1, 0), (5, 1), (0, 0)])
def test_amount_includes_vat(amount, tax):
    assert priced(amount, vat=True).tax == Money(tax)


def test_vat_is_part_of_the_discounted_price():
    assert priced(224_000, Discount(DiscountKind.PERCENT, 5_000), vat=True).tax == Money(12_000)
