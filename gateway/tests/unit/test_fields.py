import json

import pytest
from contracts.money import MAX_MINOR, Money
from gateway.resources.fields import Input, MoneyInput, field_errors
from gateway.resources.services import DiscountInput
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError


class Priced(Input):
    price: MoneyInput


def read(value):
    return Priced.model_validate_json(json.dumps({"price": value})).price


@given(st.integers(min_value=0, max_value=MAX_MINOR))
def test_money_is_an_integer_or_an_object_in_minor_units(minor):
    assert (
        read(minor) == read({"amount": minor, "currency": "PHP"}) == read({"amount": minor}) == Money(minor)
    )


not_money = st.one_of(
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(),
    st.integers(max_value=-1),
    st.lists(st.integers()),
    st.fixed_dictionaries({"amount": st.floats() | st.text() | st.booleans()}),
    st.fixed_dictionaries({"amount": st.integers(min_value=0), "currency": st.sampled_from(["USD", "", 1])}),
)


@given(not_money)
def test_other_amounts_are_refused_at_their_field(value):
    with pytest.raises(ValidationError) as refused:
        Priced.model_validate_json(json.dumps({"price": value}))
    (wrong,) = field_errors(refused.value)
    assert wrong.field == "price"


@pytest.mark.parametrize("value", [15.0, "1500.000", True, "1500"])
def test_error_says_what_to_write_instead(value):
    with pytest.raises(ValidationError) as refused:
        Priced.model_validate_json(json.dumps({"price": value}))
    (wrong,) = field_errors(refused.value)
    assert '150000 or {"amount": 150000, "currency": "PHP"} for 1,500.00' in wrong.message


@pytest.mark.parametrize(("value", "hundredths"), [(10, 1000), ("12.5", 1250), ("0.05", 5)])
def test_percentage_is_stored_in_hundredths(value, hundredths):
    body = json.dumps({"kind": "percent", "value": value})
    assert DiscountInput.model_validate_json(body).value == hundredths


@pytest.mark.parametrize("value", [12.5, "12.555", -1, True])
def test_wrong_percentage_is_named_at_its_field(value):
    with pytest.raises(ValidationError) as refused:
        DiscountInput.model_validate_json(json.dumps({"kind": "percent", "value": value}))
    (wrong,) = field_errors(refused.value)
    assert wrong.field == "value"
