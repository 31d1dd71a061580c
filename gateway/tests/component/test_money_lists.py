"""Lists of people by what they owe and where they live, and who may see which of them."""

from __future__ import annotations

import pytest
from gateway.models import Role


@pytest.fixture
def people(api, subscriber, invoice_id, service_body):
    """Pedro owes an invoice. Ana, in Brgy. San Jose, owes nothing."""
    ana = {"full_name": "Ana Cruz", "area": "Brgy. San Jose", "phone": "09171234567"}
    return [subscriber, api("POST", "/subscribers", ana).json]


def names(page: str) -> list[str]:
    return [name for name in ("Pedro Reyes", "Ana Cruz") if f">{name}</a>" in page]


def test_subscribers_are_filtered_by_area_and_money(browser, people):
    assert names(browser.get("/subscribers").text) == ["Pedro Reyes", "Ana Cruz"]
    assert names(browser.get("/subscribers?area=Brgy.+San+Jose").text) == ["Ana Cruz"]
    assert names(browser.get("/subscribers?money=owing").text) == ["Pedro Reyes"]
    page = browser.get("/subscribers?money=owing&area=Brgy.+San+Jose&order=-balance").text
    assert "No matching subscribers" in page
    assert '<option value="owing" selected>' in page
    assert '<option value="Brgy. San Jose" selected>' in page


def test_list_shows_balances_without_asking_billing(browser, people, world):
    world.down.add("billing")
    assert "₱1,500.00" in browser.get("/subscribers").text


def test_area_is_added_changed_and_shown(browser, api, people):
    pedro = people[0]["id"]
    assert browser.get(f"/subscribers/{pedro}/edit").text.count('<option value="Brgy. San Jose">') == 1
    changed = api("PATCH", f"/subscribers/{pedro}", {"area": "Poblacion"})
    assert changed.json["area"] == "Poblacion"
    assert "Poblacion" in browser.get(f"/subscribers/{pedro}").text
    assert "Poblacion" in browser.get("/subscribers.csv").text
    listed = api("GET", "/subscribers?area=Poblacion").json["data"]
    assert [one["full_name"] for one in listed] == ["Pedro Reyes"]


def test_api_filters_and_sorts_by_money(api, people):
    listed = api("GET", "/subscribers?money=owing").json["data"]
    assert [(one["full_name"], one["balance"]["amount"]) for one in listed] == [("Pedro Reyes", 150_000)]
    by_balance = api("GET", "/subscribers?order=-balance").json["data"]
    assert [one["full_name"] for one in by_balance] == ["Pedro Reyes", "Ana Cruz"]
    assert api("GET", "/subscribers?money=rich").status_code == 422


@pytest.mark.parametrize("asked", ["money=owing", "order=balance", "order=-balance", "order=oldest_due"])
def test_technician_cannot_filter_or_sort_by_money(browser_as, api_as, people, world, asked):
    answer = api_as(Role.TECHNICIAN)("GET", f"/subscribers?{asked}")
    assert answer.status_code == 403
    technician = browser_as(Role.TECHNICIAN)
    page = technician.get(f"/subscribers?{asked}").text
    assert names(page) == ["Pedro Reyes", "Ana Cruz"]
    assert page.index("Ana Cruz") < page.index("Pedro Reyes")  # the newest first
    assert not any(words in page for words in ("1,500.00", ">Balance", 'aria-label="Balance"'))
    exported = technician.get(f"/subscribers.csv?{asked}").text
    assert exported.index("Ana Cruz") < exported.index("Pedro Reyes")
    assert "1500.00" not in exported
    queries = [arguments["query"] for _, method, arguments in world.calls if method == "list_subscribers"]
    assert all(query.money is None and "balance" not in query.order for query in queries)


def test_technician_filters_by_area(browser_as, api_as, people):
    assert names(browser_as(Role.TECHNICIAN).get("/subscribers?area=Brgy.+San+Jose").text) == ["Ana Cruz"]
    (ana,) = api_as(Role.TECHNICIAN)("GET", "/subscribers?area=Brgy.+San+Jose").json["data"]
    assert (ana["area"], ana["balance"]) == ("Brgy. San Jose", None)
