"""Commands that are probably a mistake: the API and the forms ask first, and go ahead when confirmed."""

import re
from html import unescape

import pytest

KEY = {"Idempotency_Key": "key-1"}
AMOUNT = 7_001_500_00


@pytest.fixture
def payment(subscriber):
    return {"subscriber_id": subscriber["id"], "amount": AMOUNT, "method": "cash"}


def test_api_names_the_warnings_and_does_nothing(api, world, payment):
    answer = api("POST", "/payments", payment)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert (answer.json["type"], answer.json["title"]) == (
        "/api/docs#needs-confirmation",
        "Needs confirmation",
    )
    assert [warning["code"] for warning in answer.json["warnings"]] == ["amount_high"]
    assert world.payments == {}


def test_confirmed_request_goes_through_under_the_same_key(api, world, payment):
    assert api("POST", "/payments", payment, **KEY).status_code == 422
    confirmed = {**payment, "confirm": ["amount_high"]}
    first, second = (api("POST", "/payments", confirmed, **KEY) for _ in range(2))
    assert (first.status_code, second.json) == (201, first.json)
    assert len(world.payments) == 1


def test_confirming_something_else_is_not_enough(api, world, payment):
    assert api("POST", "/payments", {**payment, "confirm": ["reference_used"]}).status_code == 422
    assert (
        api("POST", "/payments", {**payment, "confirm": "amount_high"}).json["errors"][0]["field"]
        == "confirm"
    )
    assert world.payments == {}


def test_form_asks_and_keeps_what_was_typed(browser, world, subscriber):
    path = f"/subscribers/{subscriber['id']}/record-payment"
    asked = browser.post(path, {"amount": "7,001,500", "method": "gcash", "reference": "G-1"})
    assert asked.status_code == 422
    assert "This is much more than they owe." in asked.text
    assert 'value="7,001,500"' in asked.text
    assert world.payments == {}

    answer = browser.client.post(path, data=typed_again(asked.text) | {"method": "gcash"})
    assert answer.status_code == 303
    assert [payment.amount.minor for payment in world.payments.values()] == [AMOUNT]


def test_form_asks_again_if_a_value_was_changed_after_the_warning(browser, world, subscriber):
    path = f"/subscribers/{subscriber['id']}/record-payment"
    asked = browser.post(path, {"amount": "7001500", "method": "cash"})
    changed = typed_again(asked.text) | {"method": "cash", "amount": "70015000"}
    answer = browser.client.post(path, data=changed)
    assert answer.status_code == 422
    assert world.payments == {}


def typed_again(page):
    """The values that a browser sends for the inputs of a form, without its pick lists."""
    inputs = re.findall(r'<input[^>]* name="(\w+)"[^>]*?(?: value="([^"]*)")', page)
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in inputs + hidden}
