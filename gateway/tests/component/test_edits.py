"""A page that was opened before another person's change doesn't silently undo it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from gateway.models import Role

PLAN = {"name": "Fiber 50 Mbps", "price": "1500", "download_kbps": "50Mbps", "upload_kbps": "50Mbps"}


class FormReader(HTMLParser):
    """Collects what a browser would send of a page's form, without a change."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "input" and "name" in found:
            if found.get("type") != "checkbox":
                self.values[found["name"]] = found.get("value", "")
            elif "checked" in found:
                self.values[found["name"]] = "on"
        elif tag in ("textarea", "select"):
            self._inside = found.get("name", "")
            self.values.setdefault(self._inside, "")
        elif tag == "option" and "selected" in found:
            self.values[self._inside] = found.get("value", "")

    def handle_endtag(self, tag):
        self._inside = "" if tag in ("textarea", "select") else self._inside

    def handle_data(self, data):
        if self._inside and self.get_starttag_text().startswith("<textarea"):
            self.values[self._inside] += data


def open_form(browser, path: str) -> dict[str, str]:
    reader = FormReader()
    reader.feed(browser.get(path).text)
    return reader.values


def test_stale_subscriber_form_is_refused_and_shows_both_values(browser, browser_as, subscriber, world):
    path = f"/subscribers/{subscriber['id']}/edit"
    mine = open_form(browser, path) | {"phone": "0917 000 0001"}
    others = {"full_name": "Juan A. dela Cruz", "phone": "0917 000 0002", "email": "", "notes": "Gate 3"}
    other = browser_as(Role.ADMIN)
    assert other.post(path, open_form(other, path) | others).status_code == 303

    answer = browser.post(path, mine)
    assert answer.status_code == 409
    text = html.unescape(answer.text)
    assert "You entered 0917 000 0001. 0917 000 0002 was saved by" in text
    assert "on 23 Nov 2026, 10:00" in text
    assert 'value="0917 000 0001"' in answer.text  # what was typed is kept
    assert 'value="Juan A. dela Cruz"' in answer.text  # what was left alone follows the saved value
    saved = world.subscribers[subscriber["id"]]
    assert (saved.phone, saved.notes) == ("0917 000 0002", "Gate 3")

    again = mine | {"full_name": "Juan A. dela Cruz", "notes": "Gate 3", "version": "2"}
    assert browser.post(path, again).status_code == 303
    assert world.subscribers[subscriber["id"]].phone == "0917 000 0001"


def test_every_form_that_edits_a_record_sends_its_version(browser, subscriber, plan_id, router_id):
    service_id = subscriber["services"][0]["id"]
    for path in (
        f"/subscribers/{subscriber['id']}/edit",
        f"/services/{service_id}/edit",
        f"/services/{service_id}/password",
        f"/plans/{plan_id}/edit",
        f"/routers/{router_id}/edit",
        "/settings/general",
        "/settings/billing",
    ):
        assert re.search(r'name="version" value="\d+"', browser.get(path).text), path


def test_stale_service_form_names_plans_and_not_their_ids(browser, api, subscriber, plan_id):
    path = f"/services/{subscriber['services'][0]['id']}/edit"
    form = open_form(browser, path)
    slow = api("POST", "/plans", {"name": "Slow", "price": 50000, "download_kbps": 1, "upload_kbps": 1}).json
    fast = api("POST", "/plans", {"name": "Fast", "price": 90000, "download_kbps": 9, "upload_kbps": 9}).json
    api("PATCH", f"/services/{subscriber['services'][0]['id']}", {"plan_id": slow["id"]})
    answer = browser.post(path, form | {"plan_id": fast["id"]})
    assert answer.status_code == 409
    assert "You entered Fast (₱900.00" in answer.text
    assert "Slow (₱500.00" in answer.text


@pytest.mark.parametrize("before", [{"kind": "amount", "value": 10000}, None])
@pytest.mark.parametrize("after", [{"kind": "percent", "value": "20", "until": "2027-03-31"}, None])
def test_stale_service_form_keeps_the_discount_that_another_saved(browser, api, subscriber, before, after):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/edit"
    api("PATCH", f"/services/{service_id}", {"discount": before})
    # a browser sends the first option of the list, also without a discount
    opened = {"discount_kind": "amount"} | {
        name: text for name, text in open_form(browser, path).items() if text
    }
    api("PATCH", f"/services/{service_id}", {"discount": after, "static_ip": "10.1.1.1"})
    answer = browser.post(path, opened | {"session_limit": "4"})
    assert answer.status_code == 409
    assert "You entered ₱" not in answer.text
    reader = FormReader()
    reader.feed(answer.text)
    assert browser.post(path, reader.values).status_code == 303
    saved = api("GET", f"/services/{service_id}").json
    assert (saved["session_limit"], saved["static_ip"]) == (4, "10.1.1.1")
    discount = saved["billing_terms"]["discount"]
    assert (
        discount is None if after is None else (discount["kind"], str(discount["value"])) == ("percent", "20")
    )


def test_stale_form_says_what_was_left_blank_or_turned_off(browser, api, subscriber, router_id):
    path = f"/subscribers/{subscriber['id']}"
    api("PATCH", path, {"phone": "0917 000 0001"})
    form = open_form(browser, f"{path}/edit")
    api("PATCH", path, {"phone": ""})
    answer = html.unescape(browser.post(f"{path}/edit", form | {"notes": "x"}).text)
    assert "Was 0917 000 0001. A blank value was saved by owner@example.com" in answer

    path = f"/routers/{router_id}"
    api("PATCH", path, {"require_message_authenticator": True})
    form = open_form(browser, f"{path}/edit")
    api("PATCH", path, {"require_message_authenticator": False})
    assert "Was On. Off was saved by" in browser.post(f"{path}/edit", form | {"name": "x"}).text


def test_stale_form_does_not_compare_the_ends_of_lines(browser, api, subscriber):
    path = f"/subscribers/{subscriber['id']}"
    api("PATCH", path, {"address": "Purok 1\nSan Jose"})
    form = open_form(browser, f"{path}/edit") | {"address": "Purok 1\r\nSan Jose"}  # as browsers send it
    api("PATCH", path, {"address": "Purok 2\nSan Jose"})
    answer = browser.post(f"{path}/edit", form)
    assert (answer.status_code, "You entered" in answer.text) == (409, False)
    assert "Purok 2\nSan Jose</textarea>" in answer.text


def test_stale_service_form_keeps_the_new_password(browser, api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/edit"
    form = open_form(browser, path) | {"pppoe_password": "n3w-secret"}
    api("PATCH", f"/services/{service_id}", {"static_ip": "10.1.1.1"})
    answer = browser.post(path, form)
    assert answer.status_code == 409
    reader = FormReader()
    reader.feed(answer.text)
    assert browser.post(path, reader.values).status_code == 303
    assert world.passwords[service_id] == "n3w-secret"


def test_stale_settings_form_is_refused(browser):
    form = open_form(browser, "/settings/billing")
    assert browser.post("/settings/billing", form | {"payment_terms_days": "20"}).status_code == 303
    answer = browser.post("/settings/billing", form | {"payment_terms_days": "30"})
    assert (answer.status_code, "You entered 30. 20 was saved by" in answer.text) == (409, True)

    form = open_form(browser, "/settings/general")
    assert browser.post("/settings/general", form | {"isp_name": "First"}).status_code == 303
    answer = browser.post("/settings/general", form | {"isp_name": "Second"})
    assert (answer.status_code, "You entered Second. First was saved by" in answer.text) == (409, True)


@pytest.mark.parametrize("kind", ["subscriber", "service", "plan", "router", "billing", "general"])
def test_stale_patch_is_a_409_with_both_values(api, subscriber, plan_id, router_id, kind):
    service_id = subscriber["services"][0]["id"]
    path, field, first, second = {
        "subscriber": (f"/subscribers/{subscriber['id']}", "notes", "one", "two"),
        "service": (f"/services/{service_id}", "static_ip", "10.0.0.1", "10.0.0.2"),
        "plan": (f"/plans/{plan_id}", "name", "One", "Two"),
        "router": (f"/routers/{router_id}", "name", "One", "Two"),
        "billing": ("/settings/billing", "payment_terms_days", 10, 20),
        "general": ("/settings/general", "isp_name", "One", "Two"),
    }[kind]
    version = api("GET", path).json["version"]
    changed = api("PATCH", path, {field: first, "version": version}).json
    assert changed["version"] == version + 1
    stale = api("PATCH", path, {field: second, "version": version})
    assert (stale.status_code, stale.json["title"]) == (409, "Conflict")
    (wrong,) = stale.json["errors"]
    assert wrong["field"] == field
    assert wrong["message"].startswith(f"you sent {second}; {first} was saved by owner@example.com on ")
    assert api("PATCH", path, {field: second}).status_code == 200  # the API may leave the version out
    assert api("PATCH", path, {field: first, "version": version + 2}).status_code == 200
    for bad in (-1, "1", None):
        assert api("PATCH", path, {field: first, "version": bad}).status_code == 422
