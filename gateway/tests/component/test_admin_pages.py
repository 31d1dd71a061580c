"""The pages, by what a person types and reads."""

import re

import pytest
from contracts.billing import InvoiceStatus
from gateway.models import AuditEntry, Role
from sqlalchemy import select

PAGES = ("/", "/routers", "/plans", "/subscribers", "/billing", "/payments", "/sessions", "/settings")
PLAN_FORM = {
    "name": "Fiber 50 Mbps",
    "price": "1,500.00",
    "download_kbps": "50Mbps",
    "upload_kbps": "50",
    "billing_type": "postpaid",
}


def test_without_a_login_every_page_leads_to_the_login(app):
    for path in PAGES:
        assert app.test_client().get(path).headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_each_page_of_the_sidebar_opens(browser, subscriber, invoice_id, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert " style=" not in answer.text


def test_the_sidebar_has_its_order_and_marks_the_page(browser):
    page = browser.get("/plans").text
    order = re.findall(r">(Dashboard|Routers|Plans|Subscribers|Billing|Payments|Sessions|Settings)</a>", page)
    assert order == [
        "Dashboard",
        "Routers",
        "Plans",
        "Subscribers",
        "Billing",
        "Payments",
        "Sessions",
        "Settings",
    ]
    assert '<a href="/plans" aria-current="page">Plans</a>' in page


def test_a_technician_sees_no_money(browser_as, subscriber, invoice_id):
    browser = browser_as(Role.TECHNICIAN)
    assert "Billing" not in browser.get("/").text
    page = browser.get(f"/subscribers/{subscriber['id']}").text
    assert "₱" not in page.replace("Plan price", "")
    assert browser.get("/billing").status_code == 403


def test_a_plan_is_added_as_the_tutorial_types_it(browser, world):
    answer = browser.post("/plans/new", PLAN_FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans")
    page = browser.get("/plans").text
    assert "₱1,500.00" in page
    assert "50 Mbps" in page
    (plan,) = world.plans.values()
    assert (plan.price.minor, plan.download_kbps) == (150000, 50000)


def test_a_wrong_field_is_named_and_the_rest_kept(browser):
    answer = browser.post("/plans/new", {**PLAN_FORM, "price": "1.500"})
    assert answer.status_code == 422
    assert "This is not an amount; write it like 1500" in answer.text
    assert 'value="50Mbps"' in answer.text


def test_a_refusal_of_the_service_is_shown_on_the_form(browser):
    browser.post("/plans/new", PLAN_FORM)
    answer = browser.post("/plans/new", PLAN_FORM)
    assert answer.status_code == 422
    assert "a plan named Fiber 50 Mbps exists" in answer.text


def test_a_form_sent_twice_does_its_work_once(browser, world):
    page = browser.get("/plans/new").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    for _ in range(2):
        assert browser.client.post("/plans/new", data={**hidden, **PLAN_FORM}).status_code == 303
    assert len(world.plans) == 1


def test_a_form_without_its_csrf_token_does_nothing(browser, world):
    assert browser.client.post("/plans/new", data=PLAN_FORM).status_code == 400
    assert world.plans == {}


def test_what_is_typed_is_shown_as_text(browser):
    browser.post("/plans/new", {**PLAN_FORM, "name": "<b>Peña</b>"})
    assert "&lt;b&gt;Peña&lt;/b&gt;" in browser.get("/plans").text


def test_a_router_is_added_by_hand(browser, world):
    form = {"name": "Main Router", "nas_address": "10.0.0.1", "radius_secret": "x", "coa_port": "3799"}
    assert browser.post("/routers/new", form).status_code == 303
    (router,) = world.routers.values()
    assert router.coa_port == 3799
    assert "Connected" in browser.get("/routers").text
    assert browser.post(f"/routers/{router.id}/disable", seen_at="/routers").status_code == 303
    assert "Disabled" in browser.get("/routers").text


def subscriber_form(plan_id, router_id):
    return {
        "full_name": "Juan dela Cruz",
        "email": "juan@example.com",
        "phone": "09171234567",
        "pppoe_username": "juan.delacruz",
        "pppoe_password": "pppoe-pass-01",
        "plan_id": plan_id,
        "router_id": router_id,
        "individual_price": "",
        "discount_value": "",
    }


def test_a_subscriber_is_added_as_the_tutorial_types_it(browser, plan_id, router_id):
    answer = browser.post("/subscribers/new", subscriber_form(plan_id, router_id))
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    assert "Juan dela Cruz" in page
    assert "juan.delacruz" in page
    assert "Active" in page
    assert "Plan price" in page


def test_billing_terms_are_typed_with_the_subscriber(browser, plan_id, router_id, world):
    form = subscriber_form(plan_id, router_id) | {"individual_price": "1,200", "discount_value": "12.5%"}
    browser.post("/subscribers/new", form)
    (service,) = world.services.values()
    assert service.billing_terms.individual_price.minor == 120000
    assert service.billing_terms.discount.value == 1250


def test_a_username_in_use_is_told_at_its_field(browser, subscriber, plan_id, router_id):
    form = subscriber_form(plan_id, router_id) | {"pppoe_username": "pedro.reyes"}
    answer = browser.post("/subscribers/new", form)
    assert answer.status_code == 422
    assert "is used by another service" in answer.text
    assert "Juan dela Cruz" in answer.text
    assert "pppoe-pass-01" not in answer.text


def test_a_service_is_edited_without_retyping_the_password(browser, subscriber, world, plan_id, router_id):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/edit"
    assert 'value="pedro.reyes"' in browser.get(path).text
    form = {"pppoe_username": "pedro.r", "plan_id": plan_id, "router_id": router_id, "discount_value": "100"}
    assert browser.post(path, form).status_code == 303
    command = world.commands("change_service")[-1]
    assert (command.pppoe_username, command.pppoe_password) == ("pedro.r", None)
    assert command.billing_terms.discount.value == 10000


def test_suspend_and_restore_work_from_the_subscribers_page(browser, subscriber, world):
    page, service_id = f"/subscribers/{subscriber['id']}", subscriber["services"][0]["id"]
    browser.post(f"/services/{service_id}/suspend", {"note": "moved out"}, seen_at=page)
    shown = browser.get(page).text
    assert "Suspended by an operator" in shown
    assert "moved out" in shown
    (hold,) = world.services[service_id].holds
    browser.post(f"/services/{service_id}/holds/{hold.id}/release", seen_at=page)
    assert "Past holds" in browser.get(page).text
    assert (
        "was disconnected"
        in browser.get(browser.post(f"/services/{service_id}/kick", seen_at=page).headers["Location"]).text
    )


def test_invoices_are_generated_after_a_preview(browser, subscriber, world):
    answer = browser.post("/billing/generate", {"preview": "1"}, seen_at="/billing")
    preview = browser.get(answer.headers["Location"]).text
    assert "Nothing was made" in preview
    assert world.invoices == {}
    answer = browser.post("/billing/generate", seen_at="/billing")
    assert "Pedro Reyes" in browser.get(answer.headers["Location"]).text
    page = browser.get("/billing").text
    assert "₱1,500.00" in page
    assert "Sent" in page
    answer = browser.post("/billing/generate", seen_at="/billing")
    assert "billed already" in browser.get(answer.headers["Location"]).text


def test_a_payment_on_the_invoice_makes_it_paid(browser, invoice_id, world):
    page = f"/invoices/{invoice_id}"
    form = {"amount": "1500", "method": "gcash", "reference": "GCash-20260408-001"}
    answer = browser.post(f"{page}/payments", form, seen_at=page)
    assert answer.status_code == 303, answer.text
    assert "Paid" in browser.get(page).text
    assert world.invoices[invoice_id].status is InvoiceStatus.PAID
    assert "GCash-20260408-001" in browser.get("/payments").text
    assert "Pedro Reyes" in browser.get("/payments").text


def test_a_wrong_payment_says_so_on_the_invoice(browser, invoice_id):
    page = f"/invoices/{invoice_id}"
    answer = browser.post(f"{page}/payments", {"amount": "-5", "method": "gold"}, seen_at=page)
    assert answer.status_code == 422
    assert "This is not an amount" in answer.text
    assert "Choose one of the list" in answer.text


def test_an_invoice_that_cannot_be_voided_says_why(browser, invoice_id, world):
    page = f"/invoices/{invoice_id}"
    browser.post(f"{page}/payments", {"amount": "1500", "method": "cash"}, seen_at=page)
    answer = browser.post(f"{page}/void", seen_at="/billing")
    assert answer.status_code == 409
    assert "has payments on it" in answer.text


def test_settings_are_saved_and_a_wrong_one_is_named(browser, world):
    form = {
        "invoice_generation_day": "5",
        "payment_terms_days": "10",
        "grace_period_days": "5",
        "suspension_mode": "block",
        "tax_mode": "non_vat",
        "invoice_series": "INV",
    }
    assert browser.post("/settings", form).status_code == 303
    assert world.commands("change_settings")[0].auto_suspend is False
    answer = browser.post("/settings", {**form, "invoice_generation_day": "29"})
    assert answer.status_code == 422
    assert "is 1 to 28" in answer.text


def test_pages_live_on_when_a_service_is_down(browser, subscriber, world):
    world.down |= {"billing", "payment", "radius"}
    assert browser.get("/").status_code == 200
    page = browser.get(f"/subscribers/{subscriber['id']}")
    assert page.status_code == 200
    assert "Billing does not answer now" in page.text
    answer = browser.get("/billing")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_what_is_done_on_a_page_is_in_the_audit_log(browser, database, world):
    browser.post("/plans/new", PLAN_FORM)
    browser.post("/plans/new", {})
    with database.reading() as session:
        actions = [(entry.action, entry.record_id) for entry in session.scalars(select(AuditEntry))]
    (plan,) = world.plans.values()
    assert actions[1:] == [("POST /plans/new", plan.id)]


def test_an_unknown_page_says_so_in_words(browser):
    answer = browser.get("/subscribers/nobody")
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")


def test_the_subscribers_page_shows_their_own_and_nothing_else(app, subscriber, invoice_id):
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert "Pedro Reyes" in page
    assert "₱1,500.00" in page
    assert "Your line is on." in page
    assert subscriber["id"] not in page
    assert "/billing" not in page


def test_an_unknown_short_id_is_404_and_guessing_is_slowed_down(app):
    client = app.test_client()
    statuses = [client.get(f"/c/guess{number}").status_code for number in range(40)]
    assert statuses[0] == 404
    assert statuses[-1] == 429
