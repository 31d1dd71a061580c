"""The filters of lists: they follow what is typed and chosen, and fold on a phone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.browsing import PHONE, OpenBrowser, Window
from tests.browser.town import Town


def test_list_follows_what_is_typed_and_keeps_the_cursor(owner: Window) -> None:
    page = owner.page
    owner.go("/payments?method=gcash")
    search = page.get_by_role("searchbox", name="Reference or name")
    search.click()
    page.keyboard.type("pedro")

    expect(page.get_by_role("link", name="Juan dela Cruz")).to_have_count(0)
    expect(page.get_by_role("link", name="Pedro Reyes")).to_be_visible()
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"/payments\?method=gcash&q=pedro$|/payments\?q=pedro&method=gcash$"))
    page.keyboard.type(" r")
    expect(search).to_have_value("pedro r")


def test_date_typed_by_keyboard_filters_once_it_is_complete(owner: Window) -> None:
    page = owner.page
    owner.go("/payments")
    since = page.get_by_label("Received from")
    since.focus()
    page.keyboard.type("01222027")  # the order of this browser
    expect(since).to_have_value("2027-01-22")
    expect(page).to_have_url(re.compile("from=2027-01-22"))


def test_phone_folds_filters_behind_one_button(
    town: Town, open_browser: OpenBrowser, owner_cookies: dict[str, object]
) -> None:
    phone = open_browser(town.url, storage_state=owner_cookies, viewport=PHONE)
    page = phone.page
    phone.go("/payments?method=gcash")
    button = page.locator("summary").filter(has_text="Filter")
    expect(button).to_contain_text("1")
    expect(page.get_by_label("Received from")).to_be_hidden()
    expect(page.get_by_role("searchbox", name="Reference or name")).to_be_visible()
    button.click()
    expect(page.get_by_label("Received from")).to_be_visible()
    page.get_by_role("link", name="Last month").click()
    expect(page).to_have_url(re.compile("method=gcash&from="))


def test_filters_work_without_scripts(
    town: Town, open_browser: OpenBrowser, owner_cookies: dict[str, object]
) -> None:
    plain = open_browser(town.url, storage_state=owner_cookies, viewport=PHONE, java_script_enabled=False)
    page = plain.page
    plain.go("/payments")
    page.get_by_role("searchbox", name="Reference or name").fill("pedro")
    page.locator("summary").filter(has_text="Filter").click()
    page.get_by_label("Method").select_option("gcash")
    plain.click("Apply")
    expect(page).to_have_url(re.compile("q=pedro&method=gcash"))
    expect(page.get_by_role("link", name="Juan dela Cruz")).to_have_count(0)
