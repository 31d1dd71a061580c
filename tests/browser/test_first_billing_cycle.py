"""The tutorial "Your First Billing Cycle", as a newcomer does it with a link, a mouse and a keyboard."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, expect
from simulators.home_router import HomeRouter
from simulators.nas import SimulatedNas

from tests.browser.browsing import OpenBrowser, Window, part, row
from tests.browser.looks import Inspector
from tests.browser.people import EVERYBODY, JUAN, MARIA, PEDRO, PLAN, ROUTER, Person
from tests.support.deployment import NAS_SECRET, OWNER_EMAIL, OWNER_PASSWORD, Deployment
from tests.support.isp import FENCE, PLAN_RATE, SECONDS, new_nas
from tests.support.waiting import wait_for

PROMISED_SECONDS = 30
# The payment page refreshes every 15 s. Its clock is moved on, so that nothing has to wait for it.
REFRESH_MILLISECONDS = 15_000


@pytest.fixture(scope="module")
def at_home() -> Iterator[ExitStack]:
    """The NAS and the subscribers' home routers, which run in the background and dial automatically."""
    with ExitStack() as running:
        yield running


def test_setup_page_fits_and_is_accessible(
    new_system: Deployment, open_browser: OpenBrowser, inspector: Inspector
) -> None:
    newcomer = open_browser(new_system.url)
    newcomer.go(_set_up_link(new_system))
    newcomer.see_heading("Set up ISP-OS")
    wrong = inspector.what_is_wrong(newcomer.page, "set-up")

    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(240)
def test_first_billing_cycle(new_system: Deployment, open_browser: OpenBrowser, at_home: ExitStack) -> None:
    deployment = new_system
    nas = at_home.enter_context(new_nas(deployment, identity=ROUTER))
    admin = open_browser(deployment.url)
    _become_owner(admin, deployment)
    expect(part(admin.page, "First steps")).to_contain_text("0 of 5 done")
    api = deployment.api
    api.log_in(OWNER_EMAIL, OWNER_PASSWORD)
    deployment.begin_month()  # so that the next billing day does not interfere

    _add_router(admin, nas)
    _add_plan(admin)
    for person in EVERYBODY:
        _add_subscriber(admin, person)
    homes = {person: _dial_in(admin, nas, person, at_home) for person in EVERYBODY}

    _generate_invoices(admin, deployment.today())
    _pay_invoice_of_juan(admin)
    admin.menu("Dashboard")
    expect(admin.page.get_by_role("heading", name="First steps")).to_be_hidden()
    _suspend_maria(admin)

    # Pedro does not pay. The day before his suspension the dashboard names him; then he is suspended.
    settings = api.get("/settings/billing")
    days = settings["payment_terms_days"] + settings["grace_period_days"]
    api.put("/clock", advance_days=days - 1)
    admin.menu("Dashboard")
    due = part(admin.page, "Suspensions due by tomorrow")
    expect(due).to_contain_text("Pedro Reyes")
    expect(due).not_to_contain_text("Juan dela Cruz")
    api.put("/clock", advance_days=1)
    expect(part(admin.page, "Recent events")).to_contain_text("Suspended: Pedro Reyes, Overdue bill")
    _see_suspended(admin, PEDRO, "Overdue bill")
    homes[PEDRO].wait_fenced(SECONDS, FENCE)
    _open_subscriber(admin, PEDRO)
    fenced = homes[PEDRO].session
    _see_session(admin, fenced.framed_ip_address if fenced else "")

    payment_page = _open_payment_page(open_browser, admin)
    expect(payment_page.page.get_by_text("You owe")).to_be_visible()
    expect(payment_page.page.get_by_text("₱1,500.00").first).to_be_visible()
    payment_page.see("Your internet is off because a bill is overdue.")

    # Pedro pays. The page shows that he is back without a reload.
    paid_at = _record_payment(admin, "GCash-20260408-002")
    _see_back(admin, paid_at)
    homes[PEDRO].wait_until("online at full speed", lambda home: _is_up(home), SECONDS)
    payment_page.page.clock.fast_forward(REFRESH_MILLISECONDS)
    payment_page.see("Your internet is on.")
    payment_page.see("Nothing to pay")
    expect(payment_page.page.get_by_text("You owe")).to_be_hidden()

    # Maria pays too, but stays suspended: only an operator can release an operator's hold.
    _open_subscriber(admin, MARIA)
    _record_payment(admin, "GCash-20260408-003")
    admin.see("Nothing to pay")
    _see_suspended(admin, MARIA, "Admin")
    expect(admin.page.get_by_role("main")).not_to_contain_text("Overdue bill hold")
    maria = homes[MARIA].session
    assert maria is not None and maria.address_list == FENCE


# ---- steps 1 to 3


def _become_owner(admin: Window, deployment: Deployment) -> None:
    """Use the printed setup link."""
    admin.go(_set_up_link(deployment))
    admin.see_heading("Set up ISP-OS")
    admin.fill(
        **{
            "Full Name": "Olivia Owner",
            "Email": OWNER_EMAIL,
            "Password": OWNER_PASSWORD,
            "Confirm password": OWNER_PASSWORD,
        }
    )
    admin.click("Create owner")
    admin.see_heading("Dashboard")
    admin.see("Welcome. Start by adding a router and a plan.")


def _set_up_link(deployment: Deployment) -> str:
    found = wait_for(
        "the set-up link",
        lambda: re.search(r"Create the first owner account: (http\S+)", deployment.log.read_text()),
    )
    return found[1]


def _add_router(admin: Window, nas: SimulatedNas) -> None:
    admin.menu("Routers")
    admin.click("Add Router", "link")
    admin.see_heading("Add Router")
    admin.fill(
        **{
            "Router Name": ROUTER,
            "Router address": nas.nas_ip_address,
            "RADIUS secret": NAS_SECRET,
            "CoA port": str(nas.coa_port),
        }
    )
    admin.click("Save")
    admin.see_heading(f"Connect {ROUTER}")
    admin.click("Done", "link")
    admin.see_heading("Routers")
    expect(row(admin.page, ROUTER)).to_contain_text(nas.nas_ip_address)


def _add_plan(admin: Window) -> None:
    admin.menu("Plans")
    admin.click("Add Plan", "link")
    admin.see_heading("Add Plan")
    admin.fill(
        **{
            "Plan Name": PLAN,
            "Monthly Price": "1500",
            "Download Speed": "50Mbps",
            "Upload Speed": "50Mbps",
            "Billing Type": "Postpaid",
        }
    )
    admin.click("Save")
    admin.see_heading("Plans")
    expect(row(admin.page, PLAN)).to_contain_text("₱1,500.00")
    expect(row(admin.page, PLAN)).to_contain_text("50 Mbps")


def _add_subscriber(admin: Window, person: Person) -> None:
    admin.menu("Subscribers")
    admin.click("Add Subscriber", "link")
    admin.see_heading("Add Subscriber")
    admin.fill(
        **{
            "Full Name": person.full_name,
            "Email": person.email,
            "Phone": person.phone,
            "PPPoE Username": person.username,
            "PPPoE Password": person.password,
        }
    )
    plan = admin.field("Plan")
    option = plan.get_by_role("option").filter(has_text=PLAN)
    plan.select_option(label=option.inner_text())
    admin.fill(Router=ROUTER)
    expect(admin.field("Individual price")).to_have_value("")
    expect(admin.field("Discount")).to_have_value("")
    admin.click("Save")
    admin.see_heading(person.full_name)
    admin.see("Plan price")


def _dial_in(admin: Window, nas: SimulatedNas, person: Person, at_home: ExitStack) -> HomeRouter:
    """Each subscriber is provisioned immediately: the first dial-in works, and the page shows it."""
    home = HomeRouter(nas, person.username, person.password, backoff_seconds=0.1)
    at_home.enter_context(home)
    session = home.wait_online(SECONDS)
    assert session.rate_limit == PLAN_RATE and session.address_list is None
    _open_subscriber(admin, person)
    _see_session(admin, session.framed_ip_address)
    return home


# ---- steps 4 and 5


def _generate_invoices(admin: Window, today: date) -> None:
    page = admin.page
    admin.menu("Billing")
    dialog = admin.open_dialog("Generate Invoices")
    dialog.get_by_role("button", name="Preview").click()
    admin.see_heading("Invoice preview")
    _see_report(admin, "To be created")
    page.get_by_role("button", name="Generate Invoices").click()
    admin.see_heading("Billing run")
    _see_report(admin, "Created")
    admin.menu("Billing")
    due = today + timedelta(days=15)
    for person in EVERYBODY:
        line = row(page, person.full_name)
        for words in ("₱1,500.00", "Sent", f"{due.day} {due:%b %Y}", "in 15 days"):
            expect(line).to_contain_text(words)


def _see_report(admin: Window, outcome: str) -> None:
    admin.see_heading(re.compile("Finished"))
    for person in EVERYBODY:
        expect(row(admin.page, person.full_name)).to_contain_text(outcome)
        expect(row(admin.page, person.full_name)).to_contain_text("₱1,500.00")


def _pay_invoice_of_juan(admin: Window) -> None:
    row(admin.page, JUAN.full_name).get_by_role("link").first.click()
    admin.see_heading(re.compile("Invoice .* Sent"))
    _record_payment(admin, "GCash-20260408-001")
    admin.see_heading(re.compile("Invoice .* Paid"))


def _record_payment(admin: Window, reference: str) -> float:
    """Record it from the page of an invoice or subscriber. Returns the time of the click on Submit."""
    dialog = admin.open_dialog("Record Payment")
    for label, value in (("Amount", "1500"), ("Method", "GCash"), ("Reference", reference)):
        admin.type_into(label, value, dialog)
    submitted = time.monotonic()
    dialog.get_by_role("button", name="Submit").click()
    admin.see("A payment of ₱1,500.00 was recorded.")
    return submitted


# ---- step 6


def _suspend_maria(admin: Window) -> None:
    _open_subscriber(admin, MARIA)
    dialog = admin.open_dialog("Suspend")
    admin.type_into("Reason", "Admin", dialog)
    admin.type_into("Note", "copper theft, ask the manager", dialog)
    dialog.get_by_role("button", name="Suspend").click()
    admin.see("copper theft, ask the manager")
    _see_suspended(admin, MARIA, "Admin")


def _see_suspended(admin: Window, person: Person, reason: str) -> None:
    _open_subscriber(admin, person)
    admin.see_heading(re.compile(f"{person.full_name} Suspended"))
    admin.see(re.compile(f"{reason} hold since"))


def _see_back(admin: Window, paid_at: float) -> None:
    """Wait for the reconnect, within the promise counted from the click, with its events in order."""
    page = admin.page
    page.evaluate("window.sameDocument = true")
    timeline = part(page, "Timeline").get_by_role("listitem")
    promised = PROMISED_SECONDS * 1000
    expect(timeline.first).to_contain_text("Online", timeout=promised)
    seconds = time.monotonic() - paid_at
    assert seconds < PROMISED_SECONDS
    admin.see_heading(re.compile("Pedro Reyes Active"), timeout=promised)
    _see_in_order(
        timeline,
        ["Online", "Router acknowledged the disconnect", "Hold released: Overdue bill", "Paid ₱1,500.00"],
    )
    expect(part(page, "Timeline")).to_contain_text("GCash GCash-20260408-002")
    admin.see("Nothing to pay")
    assert page.evaluate("window.sameDocument"), "the page was reloaded"
    print(f"payment to reconnect on the screen: {seconds:.1f} s")


def _see_in_order(items: Locator, wanted: list[str]) -> None:
    """Each text is above the next; other lines may come between."""
    said = items.all_inner_texts()
    found = -1
    for words in wanted:
        later = [index for index, text in enumerate(said) if words in text and index > found]
        assert later, f"no {words!r} below line {found + 1} of {said}"
        found = later[0]


def _see_session(admin: Window, address: str) -> None:
    """Wait for the live part of the page, which refreshes every five seconds."""
    expect(part(admin.page, "Timeline").first).to_be_visible()
    expect(admin.page.get_by_role("main")).to_contain_text("Online since")
    expect(admin.page.get_by_role("main")).to_contain_text(address)


def _open_payment_page(open_browser: OpenBrowser, admin: Window) -> Window:
    """Open it in the subscriber's own browser, where nobody is logged in."""
    address = admin.page.get_by_role("link", name="Payment page").get_attribute("href")
    assert address
    theirs = open_browser(admin.url)
    theirs.page.clock.install()
    theirs.go(address)
    theirs.see_heading("Hello, Pedro")
    return theirs


def _open_subscriber(admin: Window, person: Person) -> None:
    admin.menu("Subscribers")
    admin.page.get_by_role("link", name=person.full_name, exact=True).click()
    admin.see_heading(person.full_name)


def _is_up(home: HomeRouter) -> bool:
    session = home.session
    return session is not None and session.address_list != FENCE and session.rate_limit == PLAN_RATE
