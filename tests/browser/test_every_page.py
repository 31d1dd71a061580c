"""Every page and dialog, on desktops and phones, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import OpenBrowser, Window
from tests.browser.looks import Inspector
from tests.browser.town import Town
from tests.support.deployment import OWNER_PASSWORD


@dataclass(frozen=True)
class Sight:
    """A page, and the links on it that open dialogs."""

    name: str
    path: str
    dialogs: tuple[str, ...] = ()
    wait_for: str | re.Pattern[str] = ""
    menu: str = ""
    unfold: tuple[str, ...] = ()
    status: int = 200


def pages_of_owner(town: Town) -> Iterator[Sight]:
    juan, maria, ana = town.juan, town.maria, town.ana
    invoice, plan, router = juan.invoices()[0], town.isp.plan, town.isp.router
    yield Sight("dashboard", "/", wait_for="Receivable")
    yield Sight("routers", "/routers", ("Disable",))
    yield Sight("router-add", "/routers/new")
    yield Sight("router-connect", f"/routers/{router['id']}/connect", wait_for="packet")
    yield Sight("router-edit", f"/routers/{router['id']}/edit")
    yield Sight("router-secret", f"/routers/{town.tower['id']}/edit", wait_for="Secret mismatch")
    yield Sight("plans", "/plans", ("Archive",))
    yield Sight("plan-add", "/plans/new", unfold=("Burst and address pool",))
    yield Sight("plan-edit", f"/plans/{plan['id']}/edit")
    yield Sight("subscribers", "/subscribers")
    yield Sight("subscribers-none", "/subscribers?query=nobody-at-all")
    yield Sight("subscriber-add", "/subscribers/new")
    yield Sight("subscriber-edit", f"/subscribers/{juan.id}/edit")
    yield Sight("subscriber-active", f"/subscribers/{juan.id}", ("Record Payment", "Suspend", "Disconnect"))
    yield Sight(
        "subscriber-menu",
        f"/subscribers/{juan.id}",
        ("Change password", "Reveal password", "Terminate"),
        menu="More actions for juan.delacruz",
    )
    yield Sight("subscriber-suspended", f"/subscribers/{maria.id}", ("Restore",))
    yield Sight("subscriber-overdue", f"/subscribers/{ana.id}")
    yield Sight("subscriber-back", f"/subscribers/{town.pedro.id}")
    yield Sight("subscriber-refused", f"/subscribers/{town.ben.id}", wait_for="Last refused login")
    yield Sight("service-add", f"/subscribers/{juan.id}/services/new")
    yield Sight("service-edit", f"/services/{juan.service_id}/edit")
    yield Sight("ledger", f"/subscribers/{juan.id}/ledger")
    yield Sight("billing", "/billing", ("Generate Invoices",))
    yield Sight("billing-runs", "/billing/runs")
    yield Sight("billing-run", f"/billing/runs/{town.run['id']}")
    yield Sight("suspensions-due", "/billing/suspensions-due")
    yield Sight("invoice-paid", f"/invoices/{invoice['id']}", ("Void",))
    yield Sight("invoice-overdue", f"/invoices/{ana.invoices()[0]['id']}", ("Record Payment",))
    yield Sight("payments", "/payments")
    yield Sight("sessions", "/sessions")
    yield Sight("sessions-all", "/sessions?show=all")
    yield Sight("refused-logins", "/refused-logins", wait_for="Unknown username")
    yield Sight("refused-logins-of-a-line", f"/refused-logins?service={town.ben.service_id}")
    yield Sight("refused-logins-none", "/refused-logins?q=nobody-at-all")
    yield Sight("reconnects", "/reconnects")
    yield Sight("search", "/search?q=juan")
    yield Sight("search-empty", "/search")
    yield Sight("settings-general", "/settings/general")
    yield Sight("settings-billing", "/settings/billing")
    yield Sight("operators", "/settings/operators", ("Invite",))
    yield Sight("audit-log", "/audit-log")
    yield Sight("account", "/account")
    yield Sight("account-password", "/account/password")
    yield Sight("not-found", "/no/such/page", status=404)
    yield Sight("dialog-without-scripts", f"/services/{juan.service_id}/suspend")


def pages_of_nobody(town: Town, invitation: str) -> Iterator[Sight]:
    yield Sight("login", "/login")
    yield Sight("join", invitation)
    yield Sight("join-unknown", "/join/no-such-invitation", status=404)
    yield Sight("setup-gone", "/setup?token=wrong", status=404)
    yield Sight("portal-paid", f"/c/{town.juan.subscriber['short_id']}")
    yield Sight("portal-overdue", f"/c/{town.ana.subscriber['short_id']}")
    yield Sight("portal-not-found", "/c/nobody-at-all", status=404)


# Long, because it looks at many pages.
@pytest.mark.timeout(300)
def test_every_page_fits_and_is_accessible(owner: Window, town: Town, inspector: Inspector) -> None:
    owner.expect_answers(403, 404)
    wrong = [words for sight in pages_of_owner(town) for words in look_at(owner, inspector, sight)]

    assert not wrong, "\n".join(wrong)


def test_every_public_page_fits_and_is_accessible(
    town: Town, open_browser: OpenBrowser, inspector: Inspector
) -> None:
    somebody = open_browser(town.url)
    somebody.expect_answers(403, 404, 410)
    sent = town.api.post("/invitations", {"email": "tech@example.com", "role": "technician"})
    pages = pages_of_nobody(town, sent["link"])
    wrong = [words for sight in pages for words in look_at(somebody, inspector, sight)]

    # A technician joins by invitation and opens a page they may not see.
    somebody.go(sent["link"])
    passwords = {"Password": OWNER_PASSWORD, "Confirm password": OWNER_PASSWORD}
    somebody.fill(Full_Name="Tina Tech", **passwords)
    somebody.click("Join")
    somebody.see_heading("Dashboard")
    for sight in (Sight("technician-dashboard", "/"), Sight("not-allowed", "/settings/billing", status=403)):
        wrong += look_at(somebody, inspector, sight)

    assert not wrong, "\n".join(wrong)


def test_pages_have_the_theme_of_the_system(town: Town, open_browser: OpenBrowser) -> None:
    for theme in ("light", "dark"):
        somebody = open_browser(town.url, color_scheme=theme)
        somebody.go("/login")
        expect(somebody.page.locator("html")).to_have_attribute("data-bs-theme", theme)


def look_at(window: Window, inspector: Inspector, sight: Sight) -> Iterator[str]:
    page = window.page
    answer = window.go(sight.path)
    assert answer is not None and answer.status == sight.status, f"{sight.path}: {answer}"
    expect(page.get_by_role("heading").first).to_be_visible()
    if sight.wait_for:
        window.see(sight.wait_for)
    for name in sight.unfold:
        page.get_by_text(name, exact=True).click()
    if not sight.menu:
        yield from inspector.what_is_wrong(page, sight.name)
    for name in sight.dialogs:
        if sight.menu:
            page.get_by_label(sight.menu).click()
            if name == sight.dialogs[0]:
                yield from inspector.what_is_wrong(page, sight.name)
        window.open_dialog(name)
        yield from inspector.what_is_wrong(page, f"{sight.name}--{name.lower().replace(' ', '-')}")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
