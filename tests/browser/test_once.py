"""Forms take effect once and are not lost: double clicks, the back button, an ended session."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.browsing import OpenBrowser, Window
from tests.browser.town import Town
from tests.support.deployment import OWNER_PASSWORD
from tests.support.isp import Household

SECOND_EMAIL = "second@example.com"

_numbers = itertools.count(1)


@pytest.fixture
def somebody(town: Town) -> Household:
    """A new subscriber for each test."""
    number = next(_numbers)
    return town.isp.connect(f"Once Only {number}", username=f"once.only.{number}", online=False)


def test_double_click_records_one_payment(owner: Window, somebody: Household) -> None:
    owner.go(f"/subscribers/{somebody.id}")
    dialog = owner.open_dialog("Record Payment")
    fill_payment(owner, dialog)
    dialog.get_by_role("button", name="Submit").dblclick(no_wait_after=True)
    owner.see("A payment of ₱300.00 was recorded.")

    assert len(somebody.payments()) == 1


def test_double_click_without_scripts_records_one_payment(
    open_browser: OpenBrowser, owner_cookies: dict[str, object], town: Town, somebody: Household
) -> None:
    plain = open_browser(town.url, storage_state=owner_cookies, java_script_enabled=False)
    plain.go(f"/subscribers/{somebody.id}/record-payment")
    fill_payment(plain, plain.page.get_by_role("main"))
    plain.page.get_by_role("button", name="Submit").dblclick(no_wait_after=True)
    plain.see("A payment of ₱300.00 was recorded.")

    assert len(somebody.payments()) == 1


def test_form_is_empty_after_going_back(owner: Window, somebody: Household) -> None:
    page = owner.page
    owner.go(f"/subscribers/{somebody.id}/record-payment")
    fill_payment(owner, page.get_by_role("main"))
    owner.click("Submit")
    owner.see("A payment of ₱300.00 was recorded.")

    page.go_back()
    expect(owner.field("Amount")).to_have_value("")
    owner.click("Submit")
    expect(page.locator("input:invalid").filter(visible=True)).to_have_count(1)
    assert len(somebody.payments()) == 1


def test_typed_form_survives_the_end_of_the_session(
    second: Window, open_browser: OpenBrowser, town: Town
) -> None:
    username = f"held.form.{next(_numbers)}"
    second.go("/subscribers/new")
    typed = fill_subscriber(second, username)
    end_session(second, open_browser)
    second.click("Save")

    second.see_heading("Log in")
    second.see(re.compile("session ended before this was saved"))
    assert town.api.list("/subscribers", query=username) == []
    log_in_again(second)
    second.see_heading("Add Subscriber")
    second.see(re.compile("hasn't been saved yet"))
    left = {label: second.field(label).input_value() for label in typed}
    assert left == typed

    second.click("Save")
    second.see_heading("Held Form")
    second.page.reload()
    (made,) = town.api.list("/subscribers", query=username)
    assert made["phone"] == "09171234567"
    second.go("/subscribers/new")
    expect(second.field("Full Name")).to_have_value("")


def test_typed_dialog_survives_the_end_of_the_session(
    second: Window, open_browser: OpenBrowser, somebody: Household
) -> None:
    second.go(f"/subscribers/{somebody.id}")
    dialog = second.open_dialog("Record Payment")
    reference = fill_payment(second, dialog)
    end_session(second, open_browser)
    dialog.get_by_role("button", name="Submit").click()
    second.see_heading("Log in")
    assert somebody.payments() == []
    log_in_again(second)

    expect(second.field("Amount")).to_have_value("300")
    expect(second.field("Reference")).to_have_value(reference)
    second.click("Submit")
    second.see("A payment of ₱300.00 was recorded.")
    assert len(somebody.payments()) == 1


def fill_payment(window: Window, form: Locator) -> str:
    """Fill in the form. Returns the reference, which is a new one: of a used one, the form asks first."""
    reference = f"once-only-{next(_numbers)}"
    for label, words in (("Amount", "300"), ("Method", "Cash"), ("Reference", reference)):
        window.type_into(label, words, form)
    return reference


def fill_subscriber(window: Window, username: str) -> dict[str, str]:
    """Fill in the form. Returns what was typed, by label."""
    typed = {
        "Full Name": "Held Form",
        "Email": "held@example.com",
        "Phone": "09171234567",
        "Address": "Purok 3, Brgy. San José",
        "PPPoE Username": username,
        "PPPoE Password": "pppoe-pass-01",
        "Individual price": "1,400.00",
        "Discount": "10%",
    }
    for label, words in typed.items():
        window.type_into(label, words)
    plan = window.field("Plan")
    plan.select_option(index=1)
    window.field("Router").select_option(index=1)
    return typed | {"Plan": plan.input_value(), "Router": window.field("Router").input_value()}


def end_session(window: Window, open_browser: OpenBrowser) -> None:
    elsewhere = open_browser(window.url)
    elsewhere.log_in(SECOND_EMAIL, OWNER_PASSWORD)
    elsewhere.go("/account")
    elsewhere.click("End all other sessions")
    expect(elsewhere.page.get_by_role("button", name="End all other sessions")).to_be_hidden()


def log_in_again(window: Window) -> None:
    window.fill(Email=SECOND_EMAIL, Password=OWNER_PASSWORD)
    window.click("Log in")
