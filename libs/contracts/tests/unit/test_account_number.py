"""The number that subscribers read out: every slip of one digit must be noticed."""

from __future__ import annotations

import pytest
from contracts import account_number
from hypothesis import assume, given
from hypothesis import strategies as st

NUMBERS = st.integers(account_number.FIRST, 99_999_999)


@given(NUMBERS, st.data())
def test_one_wrong_digit_never_gives_another_account_number(number: int, data: st.DataObject):
    digits = account_number.complete(number)
    place = data.draw(st.integers(0, len(digits) - 1))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != digits[place]))
    assert account_number.is_complete(digits)
    assert not account_number.is_complete(digits[:place] + wrong + digits[place + 1 :])


@given(NUMBERS, st.data())
def test_two_swapped_digits_never_give_another_account_number(number: int, data: st.DataObject):
    digits = account_number.complete(number)
    place = data.draw(st.integers(0, len(digits) - 2))
    first, second = digits[place : place + 2]
    assume(first != second)
    assert not account_number.is_complete(digits[:place] + second + first + digits[place + 2 :])


@given(NUMBERS)
def test_account_number_is_read_as_it_is_shown(number: int):
    digits = account_number.complete(number)
    assert account_number.typed(account_number.formatted(digits)) == digits


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (100_001, "10-0001-5"),
        (100_023, "10-0023-0"),
        (999_999, "99-9999-0"),
        (1_000_000, "100-0000-4"),
        (12_345_678, "1234-5678-6"),
        (123_456_789, "1-2345-6789-4"),
    ],
)
def test_account_number_is_grouped_by_four_before_its_check_digit(number: int, shown: str):
    assert account_number.formatted(account_number.complete(number)) == shown


def test_check_digit_is_that_of_damm():
    assert account_number.complete(572) == "5724"  # the example of the literature


def test_subscriber_from_before_account_numbers_has_none():
    assert account_number.formatted("") == ""


@pytest.mark.parametrize("text", ["10-0023-0", "1000230", " 10 0023 0 ", "10–0023–0", "10.0023.0"])
def test_account_number_is_read_with_any_separators(text: str):
    assert account_number.typed(text) == "1000230"
    assert not account_number.is_mistyped(text)


@pytest.mark.parametrize("text", ["10 0023", "10-002", "100023"])
def test_beginning_of_an_account_number_is_searched_for(text: str):
    assert account_number.typed(text) == text.replace(" ", "").replace("-", "")
    assert not account_number.is_mistyped(text)


@pytest.mark.parametrize("text", ["10-0023-7", "1000237", "10 0032 0"])
def test_wrong_check_digit_is_noticed(text: str):
    assert account_number.is_mistyped(text)


@pytest.mark.parametrize(
    "text",
    ["", "10", "10-0", "0917 123 4567", "09171234567", "+63 917 555 0100", "INV-000123", "juan.10-0023-0"],
)
def test_other_texts_are_no_account_numbers(text: str):
    assert account_number.typed(text) is None
    assert not account_number.is_mistyped(text)
