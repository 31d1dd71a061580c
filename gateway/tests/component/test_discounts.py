"""The service form says what a service will cost, and asks about discounts that make it free."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest
from page_forms import subscriber_form

PERCENT = {"individual_price": "2199", "discount_value": "10", "discount_kind": "percent"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({}, "You charge ₱1,500.00 a month."),
        ({"individual_price": "2199"}, "You charge ₱2,199.00 a month."),
        (
            PERCENT | {"discount_until": "2027-03-31"},
            "You charge ₱1,979.10 a month until 31 Mar 2027, then ₱2,199.00.",
        ),
        ({"discount_value": "10", "discount_kind": "amount"}, "You charge ₱1,490.00 a month."),
        (
            {"discount_value": "9999", "discount_kind": "amount"},
            "You charge ₱0.00 a month. The discount takes off the whole price, so no invoice is created.",
        ),
        (
            {"discount_value": "10%", "discount_until": "2020-01-01"},
            "The discount has ended. Enter today or a later date, or leave the date blank.",
        ),
        ({"discount_value": "x"}, ""),
        ({"plan_id": "none"}, ""),
    ],
)
def test_charge_is_shown_as_it_will_be_billed(browser, plan_id, typed, words):
    answer = browser.get("/services/charge?" + urlencode({"plan_id": plan_id} | typed))
    assert (answer.status_code, html.unescape(answer.text).strip()) == (200, words)


def test_form_of_a_service_shows_its_discount_and_charge(browser, api, subscriber):
    service_id = subscriber["services"][0]["id"]
    discount = {"kind": "percent", "value": "12.5", "until": "2027-03-31"}
    api("PATCH", f"/services/{service_id}", {"discount": discount})
    page = html.unescape(browser.get(f"/services/{service_id}/edit").text)
    assert '<option value="percent" selected>' in page
    assert 'value="12.5"' in page
    assert "You charge ₱1,312.50 a month until 31 Mar 2027, then ₱1,500.00." in page


def test_discount_that_makes_a_new_service_free_is_confirmed_by_a_second_click(
    browser, plan_id, router_id, world
):
    form = subscriber_form(plan_id, router_id) | {"discount_value": "9999", "discount_kind": "amount"}
    asked = browser.post("/subscribers/new", form)
    assert (asked.status_code, "The discount takes off the whole price." in asked.text) == (422, True)
    assert world.subscribers == {}
    assert f'type="password" autocomplete="new-password" value="{form["pppoe_password"]}"' in " ".join(
        asked.text.split()
    )
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    confirmed = form | {name: html.unescape(hidden[name]) for name in ("confirm", "confirm_for")}
    assert browser.post("/subscribers/new", confirmed).status_code == 303


def test_api_asks_before_a_discount_makes_a_service_free(api, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}"
    free = {"discount": {"kind": "amount", "value": 999900}}
    asked = api("PATCH", path, free)
    assert (asked.status_code, asked.json["title"]) == (422, "Needs confirmation")
    confirm = [warning["code"] for warning in asked.json["warnings"]]
    assert api("PATCH", path, free | {"confirm": confirm}).status_code == 200
