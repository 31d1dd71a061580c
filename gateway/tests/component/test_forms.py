"""What all forms do: errors, repeats, CSRF tokens, dialogs, and what is kept when a service fails."""

import re

from contracts.common import Unavailable
from gateway.models import AuditEntry, Role
from page_forms import PLAN_FORM
from sqlalchemy import select


def test_plan_is_added_as_typed_in_the_tutorial(browser, world):
    answer = browser.post("/plans/new", PLAN_FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans")
    page = browser.get("/plans").text
    assert "₱1,500.00" in page
    assert "50 Mbps" in page
    (plan,) = world.plans.values()
    assert (plan.price.minor, plan.download_kbps) == (150000, 50000)


def test_wrong_field_is_named_and_the_rest_kept(browser):
    answer = browser.post("/plans/new", {**PLAN_FORM, "price": "1.500"})
    assert answer.status_code == 422
    assert "This must be an amount, such as 1500" in answer.text
    assert 'value="50Mbps"' in answer.text


def test_refusal_of_a_service_is_shown_on_the_form(browser):
    browser.post("/plans/new", PLAN_FORM)
    answer = browser.post("/plans/new", PLAN_FORM)
    assert answer.status_code == 422
    assert "Fiber 50 Mbps is already used" in answer.text


def test_form_sent_twice_takes_effect_once(browser, world):
    page = browser.get("/plans/new").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    for _ in range(2):
        assert browser.client.post("/plans/new", data={**hidden, **PLAN_FORM}).status_code == 303
    assert len(world.plans) == 1


def test_form_sent_again_with_other_values_says_it_was_already_sent(browser, world):
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', browser.get("/plans/new").text))
    browser.client.post("/plans/new", data={**hidden, **PLAN_FORM})
    again = browser.client.post("/plans/new", data={**hidden, **PLAN_FORM, "price": "1600"})
    assert again.status_code == 422
    assert "You already submitted this form" in again.text
    assert [plan.price.minor for plan in world.plans.values()] == [150000]


def test_form_without_its_csrf_token_does_nothing(browser, world):
    answer = browser.client.post("/plans/new", data=PLAN_FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans/new")
    assert world.plans == {}


def test_form_opened_before_another_login_is_shown_again_as_typed(browser, world, add_operator):
    page = browser.get("/plans/new").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    browser.post("/logout", seen_at="/plans")
    browser.log_in(add_operator(Role.OWNER).email)
    answer = browser.client.post("/plans/new", data={**hidden, **PLAN_FORM})
    again = browser.get(answer.headers["Location"]).text
    assert 'value="Fiber 50 Mbps"' in again
    assert "This hasn't been saved yet" in again
    assert world.plans == {}


def test_login_form_without_its_csrf_token_is_refused(app):
    answer = app.test_client().post("/login", data={"email": "a@example.com", "password": "x"})
    assert answer.status_code == 400


def test_typed_html_is_shown_as_text(browser):
    browser.post("/plans/new", {**PLAN_FORM, "name": "<b>Peña</b>"})
    assert "&lt;b&gt;Peña&lt;/b&gt;" in browser.get("/plans").text


def test_typed_values_are_kept_while_a_service_is_down(browser, world):
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


def test_form_resent_after_a_failure_has_its_first_key(browser, world):
    world.failing["create_plan"] = Unavailable("subscriber does not answer")
    browser.post("/plans/new", PLAN_FORM)
    world.failing.clear()
    browser.post("/plans/new", PLAN_FORM)
    first, second = (command.idempotency_key for command in world.commands("create_plan"))
    assert first == second


def test_question_is_a_dialog_for_htmx_and_a_page_for_others(browser, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/kick"
    part = browser.client.get(path, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert 'hx-post="' in part.text
    assert "<html" in browser.get(path).text


def test_dialog_leads_to_the_page_it_changed(browser, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/kick"
    answer = browser.post(path, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"/subscribers/{subscriber['id']}"
    assert "Location" not in answer.headers


def test_successful_form_is_in_the_audit_log(browser, database, world):
    browser.post("/plans/new", PLAN_FORM)
    browser.post("/plans/new", {})
    with database.reading() as session:
        actions = [(entry.action, entry.record_id) for entry in session.scalars(select(AuditEntry))]
    (plan,) = world.plans.values()
    assert actions[1:] == [("POST /plans/new", plan.id)]
