"""Money is whole minor units; it is rounded in one place, half up, and currencies never mix."""

from __future__ import annotations

from fractions import Fraction

import pytest
from contracts.money import CurrencyMismatch, Money, total
from hypothesis import given
from hypothesis import strategies as st

MINOR = st.integers(-(10**14), 10**14)
AMOUNTS = st.builds(Money, MINOR)
PHP, USD = Money(100), Money(100, "USD")


@given(AMOUNTS, AMOUNTS)
def test_adding_and_taking_away_again_changes_nothing(one: Money, other: Money):
    assert one + other - other == one
    assert one + other == other + one
    assert one - other == -(other - one)


@given(st.lists(AMOUNTS))
def test_total_is_the_sum_of_minor_units(amounts: list[Money]):
    assert total(amounts) == Money(sum(amount.minor for amount in amounts))


@given(MINOR, MINOR)
def test_order_is_that_of_the_minor_units(one: int, other: int):
    assert (Money(one) < Money(other)) is (one < other)
    assert (Money(one) <= Money(other)) is (one <= other)
    assert (Money(one) > Money(other)) is (one > other)
    assert (Money(one) >= Money(other)) is (one >= other)
    assert min(Money(one), Money(other)) == Money(min(one, other))


@given(MINOR, st.integers(0, 10_000), st.integers(1, 10_000))
def test_share_is_at_most_half_a_minor_unit_off(minor: int, numerator: int, denominator: int):
    share = Money(minor).share(numerator, denominator)
    exact = Fraction(minor * numerator, denominator)
    assert abs(share.minor - exact) <= Fraction(1, 2)
    if abs(exact - int(exact)) == Fraction(1, 2):
        assert abs(share.minor) > abs(exact)  # a half goes up, away from zero
    assert Money(-minor).share(numerator, denominator) == -share


@given(AMOUNTS, st.integers(1, 10_000))
def test_the_whole_share_is_the_amount_and_no_share_is_nothing(amount: Money, denominator: int):
    assert amount.share(denominator, denominator) == amount
    assert amount.share(0, denominator) == Money(0)


@given(st.integers(0, 10**14), st.integers(0, 10_000))
def test_share_of_a_part_never_exceeds_the_amount(minor: int, numerator: int):
    assert Money(0) <= Money(minor).share(numerator, 10_000) <= Money(minor)


@pytest.mark.parametrize(
    ("minor", "numerator", "denominator", "expected"),
    [(1, 1, 2, 1), (3, 1, 2, 2), (-1, 1, 2, -1), (1, 1, 3, 0), (2, 1, 3, 1), (150_000, 12, 112, 16_071)],
)
def test_half_up(minor: int, numerator: int, denominator: int, expected: int):
    assert Money(minor).share(numerator, denominator) == Money(expected)


@pytest.mark.parametrize(
    "mix",
    [
        lambda: PHP + USD,
        lambda: PHP - USD,
        lambda: PHP < USD,
        lambda: PHP <= USD,
        lambda: PHP > USD,
        lambda: PHP >= USD,
        lambda: min(PHP, USD),
        lambda: total([PHP, USD]),
        lambda: total([USD]),
    ],
)
def test_currencies_do_not_mix(mix):
    with pytest.raises(CurrencyMismatch, match="cannot be mixed"):
        mix()


def test_same_number_in_another_currency_is_another_amount():
    assert PHP != USD
    assert total([USD], "USD") == USD
    assert total([]) == Money(0)


@pytest.mark.parametrize("minor", [1.0, 0.1, "100", None, True])
def test_only_whole_numbers_are_money(minor):
    with pytest.raises(TypeError, match="must be an integer"):
        Money(minor)


def test_an_amount_refuses_to_be_true_or_false():
    with pytest.raises(TypeError, match="is None"):
        bool(Money(0))
