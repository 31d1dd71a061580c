"""The pages, by what a person types and reads."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.billing import InvoiceStatus, RunStatus
from contracts.billing_settings import DEFAULTS, SETTINGS
from contracts.common import Unavailable
from contracts.radius import LineEvent, LineEventKind, RequestKind, RequestOutcome
from contracts.subscriber import CreateSubscriber, NewService
from gateway.models import AuditEntry, Role
from gateway_fakes import NOW
from sqlalchemy import select

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
PANELS = (
    "first-steps",
    "online",
    "figures",
    "collected",
    "aging",
    "suspensions",
    "sessions",
    "reconnects",
    "events",
)
INLINE = re.compile(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:")
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
    assert not INLINE.search(answer.text), INLINE.search(answer.text)
    assert "//" not in re.sub(
        r"http://localhost[^\"<]*", "", " ".join(re.findall(r'(?:src|href)="([^"]*)"', answer.text))
    )


def test_the_sidebar_has_its_order_and_marks_the_page(browser):
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
    assert "named Fiber 50 Mbps exists" in answer.text


def test_a_form_sent_twice_does_its_work_once(browser, world):
    page = browser.get("/plans/new").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    for _ in range(2):
        assert browser.client.post("/plans/new", data={**hidden, **PLAN_FORM}).status_code == 303
    assert len(world.plans) == 1


def test_a_form_without_its_csrf_token_does_nothing(browser, world):
    answer = browser.client.post("/plans/new", data=PLAN_FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans/new")
    assert world.plans == {}


def test_a_form_of_before_another_login_is_shown_again_as_it_was_typed(browser, world, add_operator):
    page = browser.get("/plans/new").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    browser.post("/logout", seen_at="/plans")
    browser.log_in(add_operator(Role.OWNER).email)
    answer = browser.client.post("/plans/new", data={**hidden, **PLAN_FORM})
    again = browser.get(answer.headers["Location"]).text
    assert 'value="Fiber 50 Mbps"' in again
    assert "This hasn't been saved yet" in again
    assert world.plans == {}


def test_without_a_login_a_form_without_its_csrf_token_is_refused(app):
    answer = app.test_client().post("/login", data={"email": "a@example.com", "password": "x"})
    assert answer.status_code == 400


def test_what_is_typed_is_shown_as_text(browser):
    browser.post("/plans/new", {**PLAN_FORM, "name": "<b>Peña</b>"})
    assert "&lt;b&gt;Peña&lt;/b&gt;" in browser.get("/plans").text


def test_a_router_is_added_by_hand(browser, world):
    form = {
        "name": "Main Router",
        "nas_address": "10.0.0.1",
        "radius_secret": "x",
        "coa_port": "3799",
        "session_control": "disconnect",
    }
    assert browser.post("/routers/new", form).status_code == 303
    (router,) = world.routers.values()
    assert router.coa_port == 3799
    assert "Connected" in browser.get("/routers").text
    assert "nobody can log in through it" in browser.get(f"/routers/{router.id}/disable").text
    assert browser.post(f"/routers/{router.id}/disable").status_code == 303
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


def _create(form):
    names = ("pppoe_username", "pppoe_password", "plan_id", "router_id")
    return CreateSubscriber(
        full_name=form["full_name"], service=NewService(**{name: form[name] for name in names})
    )


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


def test_suspend_and_restore_say_first_what_will_happen(browser, subscriber, world):
    page, service_id = f"/subscribers/{subscriber['id']}", subscriber["services"][0]["id"]
    question = browser.get(f"/services/{service_id}/suspend").text
    assert "A payment doesn't end this suspension" in question
    assert world.services[service_id].holds == []
    browser.post(f"/services/{service_id}/suspend", {"reason": "admin", "note": "moved out"})
    shown = browser.get(page).text
    assert "Suspended by an operator" in shown
    assert "moved out" in shown
    (hold,) = world.services[service_id].holds
    release = f"/services/{service_id}/holds/{hold.id}/release"
    assert "The service works again" in browser.get(release).text
    browser.post(release)
    assert "Past holds" in browser.get(page).text


def test_a_kick_tells_what_the_router_did(browser, subscriber):
    service_id = subscriber["services"][0]["id"]
    answer = browser.post(f"/services/{service_id}/kick")
    assert "was disconnected" in browser.get(answer.headers["Location"]).text


def test_a_question_is_a_part_of_a_page_for_htmx_and_a_page_for_others(browser, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/kick"
    part = browser.client.get(path, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert 'hx-post="' in part.text
    assert "<html" in browser.get(path).text


def test_what_was_asked_for_in_a_dialog_leads_to_the_page_it_changed(browser, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/kick"
    answer = browser.post(path, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"/subscribers/{subscriber['id']}"
    assert "Location" not in answer.headers


def test_a_password_is_revealed_only_when_asked_for_and_that_is_written_down(
    browser, subscriber, world, database
):
    service_id = subscriber["services"][0]["id"]
    world.passwords[service_id] = "pppoe-pass-<03>"
    path = f"/services/{service_id}/reveal-password"
    assert "pppoe-pass" not in browser.get(path).text
    assert world.commands("reveal_password") == []
    assert "pppoe-pass-&lt;03&gt;" in browser.post(path).text
    with database.reading() as session:
        newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (newest.action, newest.record_id) == ("POST /services/<service_id>/reveal-password", service_id)


def test_a_technician_reveals_no_password(browser_as, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/reveal-password"
    assert browser_as(Role.TECHNICIAN).get(path).status_code == 403


def test_a_service_is_terminated_only_by_typing_its_name(browser, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/terminate"
    wrong = browser.post(path, {"confirm": "juan"})
    assert (wrong.status_code, "Type pedro.reyes to confirm" in wrong.text) == (422, True)
    assert world.services[service_id].terminated_at is None
    assert browser.post(path, {"confirm": "pedro.reyes"}).status_code == 303
    assert world.services[service_id].terminated_at is not None


def test_invoices_are_generated_after_a_preview(browser, subscriber, world):
    answer = browser.post("/billing/generate", {"preview": "1"}, seen_at="/billing/generate")
    preview = browser.get(answer.headers["Location"]).text
    assert "Nothing has been created" in preview
    assert world.invoices == {}
    answer = browser.post("/billing/generate")
    assert "Pedro Reyes" in browser.get(answer.headers["Location"]).text
    page = browser.get("/billing").text
    assert "₱1,500.00" in page
    assert "Sent" in page
    answer = browser.post("/billing/generate")
    assert "billed already" in browser.get(answer.headers["Location"]).text


def test_a_payment_on_the_invoice_makes_it_paid(browser, invoice_id, world):
    page = f"/invoices/{invoice_id}"
    assert 'value="1500.00"' in browser.get(f"{page}/payments").text
    form = {"amount": "1500", "method": "gcash", "reference": "GCash-20260408-001"}
    answer = browser.post(f"{page}/payments", form)
    assert answer.status_code == 303, answer.text
    assert "Paid" in browser.get(page).text
    assert world.invoices[invoice_id].status is InvoiceStatus.PAID
    assert "GCash-20260408-001" in browser.get("/payments").text
    assert "Pedro Reyes" in browser.get("/payments").text


def test_money_without_an_invoice_is_recorded_on_the_subscriber(browser, subscriber, world):
    page = f"/subscribers/{subscriber['id']}"
    answer = browser.post(f"{page}/record-payment", {"amount": "200", "method": "cash"})
    assert answer.headers["Location"] == page
    (payment,) = world.payments.values()
    assert (payment.amount.minor, payment.invoice_id) == (20000, None)


def test_a_wrong_payment_says_so_at_its_fields(browser, invoice_id):
    answer = browser.post(f"/invoices/{invoice_id}/payments", {"amount": "-5", "method": "gold"})
    assert answer.status_code == 422
    assert "This is not an amount" in answer.text
    assert "Choose one of the list" in answer.text
    assert 'value="-5"' in answer.text


def test_an_invoice_that_cannot_be_voided_says_why(browser, invoice_id):
    page = f"/invoices/{invoice_id}"
    browser.post(f"{page}/payments", {"amount": "1500", "method": "cash"})
    answer = browser.post(f"{page}/void", {"reason": "a mistake"})
    assert answer.status_code == 422
    assert "has payments on it" in answer.text


def test_settings_are_saved_and_a_wrong_one_is_named(browser, world):
    form = {name: str(getattr(DEFAULTS, name)) for name in SETTINGS if name != "auto_suspend"}
    assert browser.post("/settings/billing", form).status_code == 303
    assert world.commands("change_settings")[0].auto_suspend is False
    answer = browser.post("/settings/billing", {**form, "invoice_generation_day": "29"})
    assert answer.status_code == 422
    assert "must be between 1 and 28" in answer.text


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_of_the_dashboard_stands_alone(browser, subscriber, invoice_id, world, panel):
    assert browser.get(f"/panels/{panel}").status_code == 200
    world.down |= {"subscriber", "billing", "payment", "radius", "router"}
    silent = browser.get(f"/panels/{panel}")
    assert silent.status_code == 200
    assert "t responding" in silent.text or panel == "first-steps"


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_asks_each_service_at_most_once(browser, subscriber, invoice_id, world, panel):
    world.calls.clear()
    browser.get(f"/panels/{panel}")
    asked = [service for service, _, _ in world.calls]
    assert len(asked) == len(set(asked)) or panel == "first-steps"
    assert len(asked) <= 5


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/subscribers", 3),
        ("/billing", 1),
        ("/payments", 1),
        ("/sessions", 2),
        ("/plans", 1),
        ("/routers", 2),
    ],
)
def test_a_list_is_one_call_to_each_service_it_shows(browser, subscriber, invoice_id, world, path, most):
    world.calls.clear()
    browser.get(path)
    assert len(world.calls) <= most, [method for _, method, _ in world.calls]


def test_the_charts_of_the_dashboard_hold_the_figures(browser, world):
    world.reconnect_buckets = [(1000, 3), (30000, 1), (None, 1)]
    panel = browser.get("/panels/reconnects").text
    assert "4 of 5" in panel
    assert "[3, 1, 1]" in panel


def test_first_steps_follow_what_is_there_and_go_when_all_is_done(browser, world, subscriber, invoice_id):
    steps = browser.get("/panels/first-steps").text
    assert "4 of 5 done" in steps
    browser.post(f"/invoices/{invoice_id}/payments", {"amount": "1500", "method": "cash"})
    assert "First steps" not in browser.get("/panels/first-steps").text


def test_pages_live_on_when_a_service_is_down(browser, subscriber, world):
    world.down |= {"billing", "payment", "radius"}
    assert browser.get("/").status_code == 200
    page = f"/subscribers/{subscriber['id']}"
    assert browser.get(page).status_code == 200
    assert "Billing isn't responding" in browser.get(f"{page}/account").text
    timeline = browser.get(f"{page}/timeline").text
    assert all(f"{part} isn't responding" in timeline for part in ("Billing", "Payments", "RADIUS"))
    answer = browser.get("/billing")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_the_timeline_tells_money_and_network_in_the_order_they_happened(
    browser, subscriber, invoice_id, world
):
    service_id = subscriber["services"][0]["id"]
    browser.post(f"/services/{service_id}/suspend", {"reason": "admin"})
    browser.post(f"/invoices/{invoice_id}/payments", {"amount": "1500", "method": "gcash"})
    world.line_events = [
        LineEvent(NOW + timedelta(seconds=8), LineEventKind.ONLINE, service_id, "10.64.0.3"),
        LineEvent(
            NOW + timedelta(seconds=1),
            LineEventKind.REQUEST,
            service_id,
            "",
            RequestKind.DISCONNECT,
            RequestOutcome.ACKED,
        ),
    ]
    timeline = browser.get(f"/subscribers/{subscriber['id']}/timeline").text
    told = ("On line", "Router acknowledged the disconnect", "Suspended by an operator", "Paid ₱1,500.00")
    places = [timeline.index(words) for words in told]
    assert places == sorted(places)
    assert "10:00:08" in timeline


def test_search_finds_across_services_and_says_what_could_not_be_searched(
    browser, subscriber, invoice_id, world
):
    found = browser.get("/search?q=Pedro").text
    assert f"/subscribers/{subscriber['id']}" in found
    assert f"/invoices/{invoice_id}" in found
    world.down.add("billing")
    assert "Invoices can't be searched" in browser.get("/search?q=Pedro").text
    assert "No results" in browser.get("/search?q=%3Cb%3Enobody").text


def test_a_list_is_narrowed_sorted_and_exported_by_its_address(browser, subscriber, invoice_id, world):
    page = browser.get("/billing?q=Pedro&status=open&order=-total").text
    assert "/invoices.csv?q=Pedro&amp;status=open&amp;order=-total" in page
    exported = browser.get("/invoices.csv?q=Pedro&status=open&order=-total")
    assert exported.content_type.startswith("text/csv")
    assert "Pedro Reyes" in exported.text
    assert "Pedro Reyes" not in browser.get("/invoices.csv?q=nobody").text


@pytest.mark.parametrize(
    "path", ["/plans.csv", "/routers.csv", "/reconnects.csv", "/sessions.csv", "/billing/suspensions-due.csv"]
)
def test_every_list_can_be_exported(browser, subscriber, path):
    answer = browser.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.text.startswith("\ufeff")


def test_an_export_holds_every_page_of_the_list(browser, world, router_id, plan_id):
    for number in range(205):
        form = subscriber_form(plan_id, router_id)
        form |= {"full_name": f"Person {number}", "pppoe_username": f"person.{number}"}
        world.fakes["subscriber"][1].create_subscriber(_create(form))
    lines = browser.get("/subscribers.csv").text.splitlines()
    assert len(lines) == 206


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_a_name_is_never_a_formula_in_an_export(browser, plan_id, router_id, name):
    browser.post("/subscribers/new", subscriber_form(plan_id, router_id) | {"full_name": name})
    assert f"'{name}" in browser.get("/subscribers.csv").text


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


def test_what_was_typed_is_kept_while_a_service_is_down(browser, world):
    world.failing["create_plan"] = Unavailable("subscriber does not answer")
    failed = browser.post("/plans/new", PLAN_FORM)
    assert failed.status_code == 503
    assert "Your input has been kept" in failed.text
    world.failing.clear()
    again = browser.get("/plans/new").text
    assert 'value="Fiber 50 Mbps"' in again
    assert "This hasn't been saved yet" in again
    assert browser.post("/plans/new", PLAN_FORM).status_code == 303
    assert len(world.plans) == 1


def test_what_is_sent_again_after_a_failure_carries_its_first_key(browser, world):
    world.failing["create_plan"] = Unavailable("subscriber does not answer")
    browser.post("/plans/new", PLAN_FORM)
    world.failing.clear()
    browser.post("/plans/new", PLAN_FORM)
    first, second = (command.idempotency_key for command in world.commands("create_plan"))
    assert first == second


def test_a_failing_part_of_a_page_is_a_part_that_says_so(browser, subscriber, world):
    world.down.add("subscriber")
    part = browser.client.get(f"/subscribers/{subscriber['id']}/timeline", headers={"HX-Request": "true"})
    assert part.status_code == 503
    assert "<html" not in part.text


def test_a_technician_is_not_led_to_money_by_other_ways(browser_as, api_as, subscriber):
    browser, page = browser_as(Role.TECHNICIAN), f"/subscribers/{subscriber['id']}"
    assert subscriber["short_id"] not in browser.get(page).text
    assert "Billing terms" not in browser.get(page).text
    technician = api_as(Role.TECHNICIAN)
    for shown in (
        technician("GET", f"/subscribers/{subscriber['id']}").json,
        technician("GET", "/subscribers").json["data"][0],
    ):
        hidden = [shown[name] for name in ("balance", "short_id", "payment_url")]
        assert [*hidden, shown["services"][0]["billing_terms"]] == [None] * 4


def test_a_filter_keeps_what_the_list_is_narrowed_by_already(browser, subscriber, invoice_id):
    page = browser.get(f"/billing?subscriber={subscriber['id']}&order=-total&q=INV").text
    assert "Showing invoices for Pedro Reyes" in page
    assert f'<input type="hidden" name="subscriber" value="{subscriber["id"]}">' in page
    assert '<input type="hidden" name="order" value="-total">' in page
    assert '<input type="hidden" name="q"' not in page


def test_each_row_of_the_aging_leads_to_its_own_invoices(browser, subscriber, invoice_id):
    links = re.findall(r'href="(/billing\?[^"]*)"', browser.get("/panels/aging").text)
    assert "/billing?status=open&amp;order=due_on&amp;due_from=2026-11-23" in links
    assert "/billing?status=open&amp;order=due_on&amp;due_until=2026-10-23&amp;due_from=2026-09-24" in links


def test_money_for_a_void_invoice_is_recorded_on_the_subscriber(browser, invoice_id, subscriber):
    page = f"/invoices/{invoice_id}"
    browser.post(f"{page}/void", {"reason": "a mistake"})
    answer = browser.get(f"{page}/payments")
    assert answer.headers["Location"] == f"/subscribers/{subscriber['id']}/record-payment"


def test_a_part_that_refreshes_takes_no_message_from_the_page(browser, subscriber):
    page = f"/subscribers/{subscriber['id']}"
    browser.post(f"/services/{subscriber['services'][0]['id']}/suspend", {"reason": "admin"})
    browser.client.get(page, headers={"HX-Request": "true"})
    assert "was suspended" in browser.get(page).text


@pytest.mark.parametrize("path", ["/subscribers/a%00b", "/invoices/%C3%B1", f"/services/{'9' * 101}/kick"])
def test_what_cannot_be_an_id_is_not_looked_for(browser, world, path):
    world.calls.clear()
    assert browser.get(path).status_code == 404
    assert world.calls == []


def test_a_run_that_works_shows_how_far_it_is_and_asks_again_until_it_is_done(browser, world, subscriber):
    answer = browser.post("/billing/generate")
    path, billing = answer.headers["Location"], world.fakes["billing"][1]
    (run,) = billing.runs.values()
    billing.runs[run.id] = replace(run, status=RunStatus.RUNNING, total=10_000, created=4_800, skipped=96)
    working = browser.get(path).text
    assert "4,896 of 10,000" in working
    assert f'hx-get="{path}?" hx-trigger="every' in working
    billing.runs[run.id] = run
    finished = browser.get(path).text
    assert 'id="run">' in finished
