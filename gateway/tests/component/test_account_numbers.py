"""The account number is for people; the token of the payment page is shown to nobody as text."""

from __future__ import annotations

import re

import pytest

ACCOUNT = "10-0001-5"


def visible(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_account_number_is_shown_and_the_token_is_not(browser, subscriber, invoice_id):
    assert subscriber["account_number"] == ACCOUNT
    page = visible(browser.get(f"/subscribers/{subscriber['id']}").text)
    assert f"Account {ACCOUNT}" in page
    for path in (
        f"/subscribers/{subscriber['id']}",
        "/subscribers",
        f"/search?q={ACCOUNT}",
        "/subscribers.csv",
    ):
        assert subscriber["short_id"] not in visible(browser.get(path).text)


def test_account_number_is_in_the_csv_file(browser, subscriber):
    header, row = browser.get("/subscribers.csv").text.lstrip("\ufeff").splitlines()
    assert header.startswith("Account,Full Name")
    assert row.startswith(f"{ACCOUNT},{subscriber['full_name']}")


@pytest.mark.parametrize("typed", [ACCOUNT, "1000015", "10 0001"])
def test_account_number_is_found(browser, api, subscriber, typed):
    api("POST", "/subscribers", {"full_name": "Maria Santos"})
    for path in (f"/search?q={typed}", f"/subscribers?query={typed}"):
        page = browser.get(path).text
        assert subscriber["full_name"] in page
        assert "Maria Santos" not in page
    (found,) = api("GET", f"/subscribers?query={typed}").json["data"]
    assert found["id"] == subscriber["id"]


@pytest.mark.parametrize("typed", ["10-0001-6", "1000105"])
def test_mistyped_account_number_is_explained(browser, subscriber, typed):
    for path in (f"/search?q={typed}", f"/subscribers?query={typed}"):
        page = visible(browser.get(path).text)
        assert "is not an account number. Check the digits" in page
        assert subscriber["full_name"] not in page


def test_token_of_a_payment_page_is_not_searched(browser, api, subscriber):
    assert api("GET", f"/subscribers?query={subscriber['short_id']}").json["data"] == []
    assert "No results" in browser.get(f"/search?q={subscriber['short_id']}").text
