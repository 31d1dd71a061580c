"""Open pages follow changes made elsewhere without a reload."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.browsing import OpenBrowser, Window, part
from tests.browser.town import Town

# How often these pages refresh. Their clocks are moved on, so that nothing has to wait for it.
DASHBOARD_MILLISECONDS = 10_000
PAYMENT_PAGE_MILLISECONDS = 15_000


def test_open_pages_follow_a_suspension_and_its_end(
    owner: Window, open_browser: OpenBrowser, town: Town
) -> None:
    olga = town.isp.connect("Olga Open", username="olga.open")
    theirs = open_browser(town.url)
    theirs.page.clock.install()
    theirs.go(f"/c/{olga.subscriber['short_id']}")
    theirs.see("Your internet is on.")
    owner.go(f"/subscribers/{olga.id}")
    owner.see_heading(re.compile("Olga Open Active"))
    for window in (owner, theirs):
        window.page.evaluate("window.sameDocument = true")

    hold = olga.hold("abuse", note="open relay")
    owner.see_heading(re.compile("Olga Open Suspended"))
    owner.see(re.compile("Abuse hold since"))
    owner.see("open relay")
    theirs.page.clock.fast_forward(PAYMENT_PAGE_MILLISECONDS)
    theirs.see("Your internet is off. Contact us for help.")

    olga.release(hold)
    owner.see_heading(re.compile("Olga Open Active"))
    expect(part(owner.page, "Timeline").get_by_role("listitem").first).to_contain_text("Online")
    assert owner.page.evaluate("window.sameDocument") and theirs.page.evaluate("window.sameDocument")


def test_open_dashboard_follows_a_payment_made_elsewhere(owner: Window, town: Town) -> None:
    olga = town.isp.connect("Olga Pays", username="olga.pays", online=False)
    owner.page.clock.install()
    owner.go("/")
    events = part(owner.page, "Recent events")
    expect(events).to_contain_text("Paid")
    expect(events).not_to_contain_text("Olga Pays")

    olga.pay(12_300, reference="elsewhere")
    owner.page.clock.fast_forward(DASHBOARD_MILLISECONDS)
    expect(events).to_contain_text("Paid ₱123.00")
    expect(events).to_contain_text("Olga Pays, GCash elsewhere")
