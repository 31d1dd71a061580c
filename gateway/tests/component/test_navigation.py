"""Which pages there are, who may open them, and what they show without an answer."""

import re

import pytest
from gateway.models import Role

PAGES = (
    "/",
    "/routers",
    "/plans",
    "/subscribers",
    "/billing",
    "/billing/runs",
    "/billing/suspensions-due",
    "/payments",
    "/sessions",
    "/reconnects",
    "/settings/general",
    "/settings/billing",
    "/settings/operators",
    "/audit-log",
    "/account",
    "/search?q=pedro",
)

INLINE = re.compile(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:")


def test_every_page_needs_a_login(app):
    for path in PAGES:
        assert app.test_client().get(path).headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_without_inline_code_or_foreign_links(browser, subscriber, invoice_id, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    assert not INLINE.search(answer.text), INLINE.search(answer.text)
    assert "//" not in re.sub(
        r"http://localhost[^\"<]*", "", " ".join(re.findall(r'(?:src|href)="([^"]*)"', answer.text))
    )


def test_sidebar_is_in_order_and_marks_the_page(browser):
    page = browser.get("/plans").text
    sidebar = re.findall(r'<a href="([^"]*)"( aria-current="page")?><svg.*?</svg>([A-Z][a-z]+)</a>', page)
    assert [title for _, _, title in sidebar] == [
        "Dashboard",
        "Routers",
        "Plans",
        "Subscribers",
        "Billing",
        "Payments",
        "Sessions",
        "Settings",
    ]
    assert [title for _, here, title in sidebar if here] == ["Plans"]


def test_technician_sees_no_money(browser_as, subscriber, invoice_id):
    browser = browser_as(Role.TECHNICIAN)
    assert "Billing" not in browser.get("/").text
    page = browser.get(f"/subscribers/{subscriber['id']}").text
    assert "₱" not in page.replace("Plan price", "")
    assert browser.get("/billing").status_code == 403


def test_technician_cannot_reach_money_in_other_ways(browser_as, api_as, subscriber):
    browser, page = browser_as(Role.TECHNICIAN), f"/subscribers/{subscriber['id']}"
    for shown in (page, "/subscribers.csv", f"/search?q={subscriber['account_number']}"):
        text = browser.get(shown).text
        assert subscriber["short_id"] not in text
        assert subscriber["account_number"] in text  # which is no secret
    assert "Billing terms" not in browser.get(page).text
    technician = api_as(Role.TECHNICIAN)
    for shown in (
        technician("GET", f"/subscribers/{subscriber['id']}").json,
        technician("GET", "/subscribers").json["data"][0],
    ):
        hidden = [shown[name] for name in ("balance", "short_id", "payment_url")]
        assert [*hidden, shown["services"][0]["billing_terms"]] == [None] * 4


def test_unknown_record_is_an_html_page(browser):
    answer = browser.get("/subscribers/nobody")
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")


@pytest.mark.parametrize("path", ["/subscribers/a%00b", "/invoices/%C3%B1", f"/services/{'9' * 101}/kick"])
def test_impossible_id_is_not_looked_up(browser, world, path):
    world.calls.clear()
    assert browser.get(path).status_code == 404
    assert world.calls == []


def test_pages_work_while_a_service_is_down(browser, subscriber, world):
    world.down |= {"billing", "payment", "radius"}
    assert browser.get("/").status_code == 200
    page = f"/subscribers/{subscriber['id']}"
    assert browser.get(page).status_code == 200
    assert "Billing isn't responding" in browser.get(f"{page}/account").text
    timeline = browser.get(f"{page}/timeline").text
    assert all(
        f"{part} isn't responding" in timeline for part in ("Billing", "The payment service", "RADIUS")
    )
    answer = browser.get("/billing")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_failed_panel_is_answered_with_a_panel(browser, subscriber, world):
    world.down.add("subscriber")
    part = browser.client.get(f"/subscribers/{subscriber['id']}/timeline", headers={"HX-Request": "true"})
    assert part.status_code == 503
    assert "<html" not in part.text


def test_refreshing_a_panel_keeps_the_message_for_the_page(browser, subscriber):
    page = f"/subscribers/{subscriber['id']}"
    browser.post(f"/services/{subscriber['services'][0]['id']}/suspend", {"reason": "admin"})
    browser.client.get(page, headers={"HX-Request": "true"})
    assert "was suspended" in browser.get(page).text
