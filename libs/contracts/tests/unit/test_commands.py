from __future__ import annotations

from types import SimpleNamespace

import pytest
from contracts.common import Command, CommandWarning, NeedsConfirmation, changes, check_confirmed
from contracts.money import Money
from contracts.pricing import PLAN_PRICE, BillingTerms, Discount, DiscountKind
from contracts.subscriber import ChangePlan, ChangeService


def test_changes_are_the_optional_fields_that_were_given():
    command = ChangePlan(plan_id="p1", name="", price=Money(0), clear=("burst",), actor="maria")
    assert dict(changes(command)) == {"name": "", "price": Money(0)}


def test_the_object_to_change_and_the_idempotency_key_are_no_changes():
    assert dict(changes(ChangeService(service_id="s1", idempotency_key="k1"))) == {}
    assert dict(changes(ChangeService(service_id="s1", plan_id="p2"))) == {"plan_id": "p2"}


@pytest.mark.parametrize(
    "terms",
    [
        PLAN_PRICE,
        BillingTerms(Money(0)),
        BillingTerms(Money(120_000), Discount(DiscountKind.PERCENT, 1_050)),
        BillingTerms(None, Discount(DiscountKind.AMOUNT, 5_000)),
    ],
)
def test_billing_terms_survive_being_kept_in_columns(terms: BillingTerms):
    assert BillingTerms.of_columns(SimpleNamespace(**terms.columns()), "PHP") == terms


def test_columns_of_billing_terms_are_in_the_currency_of_the_reader():
    row = SimpleNamespace(**BillingTerms(Money(100, "USD")).columns())
    assert BillingTerms.of_columns(row, "USD") == BillingTerms(Money(100, "USD"))


WARNINGS = [CommandWarning("amount_high", "This is a lot."), CommandWarning("paid_before", "This was paid.")]


@pytest.mark.parametrize("confirm", [(), ("amount_high",), ("amount_high", "other")])
def test_command_needs_confirmation_of_every_warning(confirm: tuple[str, ...]):
    with pytest.raises(NeedsConfirmation, match=r"This is a lot\. This was paid\.") as raised:
        check_confirmed(Command(confirm=confirm), WARNINGS)
    assert raised.value.warnings == WARNINGS


def test_command_that_confirms_every_warning_may_go_ahead():
    check_confirmed(Command(confirm=("amount_high", "paid_before", "other")), WARNINGS)
    check_confirmed(Command(), [])
