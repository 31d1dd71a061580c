"""Without a mouse: Tab, Shift+Tab, Enter, Escape and typing suffice, and the focus is always visible."""

from __future__ import annotations

import itertools
import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.browsing import Window
from tests.browser.town import Town

MAX_TABS = 60
REFRESH_MILLISECONDS = 5_000
# Returns the focused element if its focus is invisible: it is off the screen, or neither it nor its input
# group has an outline.
FOCUS_UNSEEN = """() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body || focused.matches("main, dialog")) return "";
    const line = (element) => {
        const style = getComputedStyle(element);
        return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor].join();
    };
    const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    const style = getComputedStyle(focused);
    const box = focused.getBoundingClientRect();
    const onScreen = box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 &&
        box.top < innerHeight && box.left < innerWidth;
    let seen = outlined(style) || style.boxShadow !== "none";
    if (!seen) {
        const around = focused.parentElement, before = line(around);
        focused.blur();
        seen = line(around) !== before;
        focused.focus();
    }
    return onScreen && seen ? "" : focused.outerHTML.slice(0, 200);
}"""
IN_DIALOG = """() => document.activeElement === document.body ||
    Boolean(document.activeElement.closest("dialog[open]"))"""

_numbers = itertools.count(1)


def test_first_tab_offers_to_skip_to_the_content(owner: Window) -> None:
    page = owner.page
    owner.go("/subscribers")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Add Subscriber")).to_be_focused()


def test_slash_focuses_the_search_and_enter_searches(owner: Window) -> None:
    page = owner.page
    owner.go("/")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search everything")
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    page.keyboard.type("juan.delacruz")
    page.keyboard.press("Enter")
    owner.see_heading(re.compile("Search results for"))
    tab_to(page, page.get_by_role("main").get_by_role("link", name=re.compile("Juan dela Cruz")).first)
    page.keyboard.press("Enter")
    owner.see_heading("Juan dela Cruz")


def test_slash_in_a_field_is_a_slash(owner: Window) -> None:
    owner.go("/subscribers/new")
    owner.field("Full Name").press("/")
    expect(owner.field("Full Name")).to_have_value("/")


def test_subscriber_is_added_by_keyboard(owner: Window, town: Town) -> None:
    page, number = owner.page, next(_numbers)
    owner.go("/")
    tab_to(page, page.get_by_role("link", name="Subscribers", exact=True))
    page.keyboard.press("Enter")
    owner.see_heading("Subscribers")
    tab_to(page, page.get_by_role("link", name="Add Subscriber"))
    page.keyboard.press("Enter")
    owner.see_heading("Add Subscriber")

    expect(owner.field("Full Name")).to_be_focused()
    typed = {
        "Full Name": f"Kay Board {number}",
        "Email": "kay@example.com",
        "Phone": "09171234567",
        "Address": "Purok 2",
        "PPPoE Username": f"kay.board.{number}",
        "PPPoE Password": "pppoe-pass-01",
        "Plan": "Fiber",
        "Router": "Main",
    }
    for label, words in typed.items():
        tab_to(page, owner.field(label))
        page.keyboard.type(words)
    # Go back to correct a mistake, then forward again.
    tab_to(page, owner.field("Email"), back=True)
    page.keyboard.type("kay.b@example.com")
    tab_to(page, page.get_by_role("button", name="Save"))
    page.keyboard.press("Enter")

    owner.see_heading(f"Kay Board {number}")
    (made,) = town.api.list("/subscribers", query=f"kay.board.{number}")
    assert (made["email"], made["phone"], made["address"]) == ("kay.b@example.com", "09171234567", "Purok 2")


def test_payment_dialog_keeps_and_returns_the_focus(owner: Window, town: Town) -> None:
    page, number = owner.page, next(_numbers)
    kay = town.isp.connect("Kay Pays", username=f"kay.pays.{number}", online=False)
    owner.go(f"/subscribers/{kay.id}")
    owner.see_heading("Kay Pays")
    opener = page.get_by_role("link", name="Record Payment")
    dialog = page.get_by_role("dialog")

    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    expect(owner.field("Amount", dialog)).to_be_focused()
    for _ in range(15):
        press(page, "Tab")
        assert page.evaluate(IN_DIALOG), "the focus left the dialog"
    for _ in range(15):
        press(page, "Shift+Tab")
        assert page.evaluate(IN_DIALOG), "the focus left the dialog"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(owner.field("Amount", dialog)).to_be_focused()
    page.keyboard.type("250")
    tab_to(page, owner.field("Method", dialog))
    page.keyboard.type("GCash")
    tab_to(page, owner.field("Reference", dialog))
    page.keyboard.type(f"keyboard-{number}")
    page.keyboard.press("Enter")

    owner.see("A payment of ₱250.00 was recorded.")
    (payment,) = kay.payments()
    assert (payment["method"], payment["reference"]) == ("gcash", f"keyboard-{number}")


def test_automatic_refresh_leaves_the_focus_alone(owner: Window, town: Town) -> None:
    page = owner.page
    page.clock.install()
    owner.go(f"/subscribers/{town.juan.id}")
    for words in ("Record Payment", "Suspend"):
        opener = page.get_by_role("link", name=words)
        tab_to(page, opener)
        refreshed = page.expect_response(re.compile(f"/subscribers/{town.juan.id}$"))
        with refreshed, page.expect_response(re.compile("/live$")):
            page.clock.fast_forward(REFRESH_MILLISECONDS)
        expect(page.locator(".htmx-request")).to_have_count(0)
        expect(opener).to_be_focused()


def test_menu_opens_with_enter_and_closes_with_escape(owner: Window, town: Town) -> None:
    page = owner.page
    owner.go(f"/subscribers/{town.juan.id}")
    tab_to(page, page.get_by_label("More actions for juan.delacruz"))
    page.keyboard.press("Enter")
    reveal = page.get_by_role("link", name="Reveal password")
    expect(reveal).to_be_visible()
    page.keyboard.press("Escape")
    expect(reveal).to_be_hidden()
    expect(page.get_by_label("More actions for juan.delacruz")).to_be_focused()


def tab_to(page: Page, goal: Locator, *, back: bool = False) -> None:
    """Press Tab until the element has the focus, which must be visible at every stop."""
    expect(goal).to_be_visible()
    for _ in range(MAX_TABS):
        if goal.evaluate("element => element === document.activeElement"):
            return
        press(page, "Shift+Tab" if back else "Tab")
    raise AssertionError(f"not reached with {MAX_TABS} presses: {goal}")


def press(page: Page, keys: str) -> None:
    page.keyboard.press(keys)
    unseen = page.evaluate(FOCUS_UNSEEN)
    assert not unseen, f"the focus is not to be seen on {unseen}"
