"""Forms sent after their session has ended: nothing is saved, and nothing typed is lost."""

import io
import re

import pytest
from gateway.http import held_forms
from gateway.models import HeldForm, Role
from gateway_fakes import PASSWORD
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

PLAN_FORM = {
    "name": "Fiber Peña 😀 <b>",
    "price": "1,500.00",
    "download_kbps": "50Mbps",
    "upload_kbps": "50",
    "billing_type": "postpaid",
    "password": "an own password",
}
ENDED = "Your session ended before this was saved. Log in to continue; your input has been kept."


def hidden_fields(page):
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


@pytest.fixture
def typed(browser):
    """A form that the owner has filled in but not sent."""
    return {**hidden_fields(browser.get("/plans/new").text), **PLAN_FORM}


def held(database):
    with database.reading() as session:
        return session.scalars(select(HeldForm)).all()


def test_form_is_restored_after_login_and_saved_once(browser, typed, wall, world, database):
    wall.advance(minutes=31)
    answer = browser.client.post("/plans/new?from=list", data=typed)
    assert answer.headers["Location"] == "/login?next=/plans/new?from%3Dlist"
    assert ENDED in browser.get(answer.headers["Location"]).text
    assert world.plans == {}

    answer = browser.post(answer.headers["Location"], {"email": "owner@example.com", "password": PASSWORD})
    assert answer.headers["Location"] == "/plans/new?from=list"
    page = browser.get(answer.headers["Location"]).text
    assert "hasn't been saved yet" in page
    assert 'value="Fiber Peña 😀 &lt;b&gt;"' in page
    assert 'value="1,500.00"' in page
    assert hidden_fields(page)["idempotency_key"] == typed["idempotency_key"]

    again = {**typed, **hidden_fields(page)}
    for _ in range(2):
        assert browser.client.post("/plans/new", data=again).status_code == 303
    assert len(world.plans) == 1
    assert held(database) == []


def test_held_form_is_shown_once(browser, typed, wall):
    wall.advance(minutes=31)
    browser.client.post("/plans/new", data=typed)
    browser.log_in("owner@example.com")
    assert "Fiber" in browser.get("/plans/new").text
    page = browser.get("/plans/new").text
    assert "Fiber Peña" not in page
    assert "hasn't been saved yet" not in page


def test_held_form_survives_a_page_that_failed(browser, typed, wall, world):
    wall.advance(minutes=31)
    browser.client.post("/settings/billing", data={**typed, "invoice_series": "PEÑA"})
    browser.log_in("owner@example.com")
    world.down.add("billing")
    assert browser.get("/settings/billing").status_code == 503
    world.down.clear()
    assert "PEÑA" in browser.get("/settings/billing").text


def test_held_form_is_not_shown_to_another_operator(browser, typed, wall, add_operator, database):
    add_operator(Role.ADMIN)
    wall.advance(minutes=31)
    browser.client.post("/plans/new", data=typed)
    browser.log_in("admin@example.com")
    assert "Fiber Peña" not in browser.get("/plans/new").text
    browser.post("/logout", seen_at="/plans")
    browser.log_in("owner@example.com")
    assert "Fiber Peña" in browser.get("/plans/new").text


def test_form_is_held_for_half_an_hour(browser, typed, wall, gateway, database):
    wall.advance(minutes=31)
    browser.client.post("/plans/new", data=typed)
    wall.advance(minutes=31)
    browser.log_in("owner@example.com")
    assert "Fiber Peña" not in browser.get("/plans/new").text
    with database.transaction() as session:
        held_forms.forget_old(gateway, session)
    assert held(database) == []


def test_own_passwords_are_not_held_and_the_rest_is_encrypted(browser, typed, wall, database, gateway):
    wall.advance(minutes=31)
    browser.client.post("/plans/new", data=typed)
    (row,) = held(database)
    assert "Fiber" not in row.content_encrypted
    values = held_forms.read(gateway, row.operator_id, "/plans/new")
    assert values["name"] == PLAN_FORM["name"]
    assert not {"password", "csrf_token"} & set(values)


def test_held_form_is_bound_to_its_operator_and_path(browser, typed, wall, database, gateway):
    """A row moved to another operator or page in the database cannot be decrypted."""
    wall.advance(minutes=31)
    browser.client.post("/plans/new", data=typed)
    with database.transaction() as session:
        row = session.scalars(select(HeldForm)).one()
        session.add(
            HeldForm(
                operator_id="other",
                path="/plans/new",
                content_encrypted=row.content_encrypted,
                held_at=row.held_at,
            )
        )
    assert held_forms.read(gateway, "other", "/plans/new") is None


def test_form_with_a_wrong_csrf_token_is_not_held(browser, typed, wall, database):
    wall.advance(minutes=31)
    for token in ("", "wrong"):
        answer = browser.client.post("/plans/new", data={**typed, "csrf_token": token})
        assert answer.headers["Location"].startswith("/login")
    assert held(database) == []


def test_form_without_any_login_is_not_held(new_browser, database):
    token = hidden_fields(new_browser.get("/login").text)["csrf_token"]
    answer = new_browser.client.post("/plans/new", data={**PLAN_FORM, "csrf_token": token})
    assert answer.headers["Location"] == "/login"
    assert held(database) == []


def test_form_sent_after_a_logout_is_not_held(browser, typed, database):
    browser.post("/logout", seen_at="/plans/new")
    browser.client.post("/plans/new", data=typed)
    assert held(database) == []


def test_action_without_a_page_leads_back_to_its_origin(browser, wall, database):
    typed = hidden_fields(browser.get("/account").text)
    wall.advance(minutes=31)
    referrer = {"Referer": "http://localhost/account?a=1"}
    answer = browser.client.post("/account/sessions/end-others", data=typed, headers=referrer)
    assert answer.headers["Location"] == "/login?next=/account?a%3D1"
    assert "before this was done. Log in and try again." in browser.get("/login").text
    assert held(database) == []


def test_fields_of_an_action_are_not_held(browser, wall, database):
    typed = hidden_fields(browser.get("/account").text)
    wall.advance(minutes=31)
    browser.client.post(
        "/account/sessions/end-others",
        data={**typed, "name": "Fiber 100"},
        headers={"Referer": "http://localhost/plans/new"},
    )
    assert held(database) == []


def test_logout_after_the_session_ended_shows_no_message(browser, wall):
    typed = hidden_fields(browser.get("/plans").text)
    wall.advance(minutes=31)
    referrer = {"Referer": "http://localhost/plans"}
    answer = browser.client.post("/logout", data=typed, headers=referrer)
    assert answer.headers["Location"] == "/login"
    assert "Your session ended" not in browser.get("/login").text


def test_uploaded_file_must_be_chosen_again(browser, wall, database):
    page = "/settings/general"
    typed = hidden_fields(browser.get(page).text)
    wall.advance(minutes=31)
    logo = FileStorage(io.BytesIO(bytes(1_500_000)), "logo.png")
    boundary, body = encode_multipart({**typed, "isp_name": "Sinag", "logo": logo})
    answer = browser.client.post(page, data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/login?next={page}"
    assert "before this was done. Log in and try again." in browser.get("/login").text
    assert held(database) == []


def test_form_is_held_when_a_session_ends_after_twelve_hours(browser, typed, wall, database):
    for _ in range(49):
        wall.advance(minutes=15)
        browser.get("/plans")
    browser.client.post("/plans/new", data=typed)
    assert len(held(database)) == 1


def test_form_with_a_cookie_of_yesterday_is_not_held(browser, typed, wall, database):
    wall.advance(hours=13)
    answer = browser.client.post("/plans/new", data=typed)
    assert answer.headers["Location"] == "/login"
    assert held(database) == []


@pytest.mark.parametrize("referrer", ["https://evil.example/plans/new", "http://localhost/no-page", ""])
def test_login_does_not_lead_to_foreign_pages(browser, wall, referrer):
    typed = hidden_fields(browser.get("/account").text)
    wall.advance(minutes=31)
    answer = browser.client.post(
        "/account/sessions/end-others", data=typed, headers={"Referer": referrer} if referrer else {}
    )
    assert answer.headers["Location"] == "/login"


def test_form_in_a_dialog_leads_to_the_login(browser, typed, wall, database):
    wall.advance(minutes=31)
    answer = browser.client.post("/plans/new", data=typed, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/login?next=/plans/new")
    assert len(held(database)) == 1


def test_panel_leads_to_the_login_and_back_to_its_page(browser, wall):
    wall.advance(minutes=31)
    headers = {"HX-Request": "true", "Referer": "http://localhost/plans"}
    answer = browser.client.get("/account", headers=headers)
    assert answer.headers["HX-Redirect"] == "/login?next=/plans"


def test_forms_in_other_tabs_work_after_logging_in_again(browser, typed, wall, world):
    wall.advance(minutes=31)
    browser.log_in("owner@example.com")
    assert browser.client.post("/plans/new", data=typed).status_code == 303
    assert len(world.plans) == 1


def test_form_of_another_operators_session_is_only_shown_again(browser, typed, add_operator, world):
    add_operator(Role.ADMIN)
    browser.log_in("admin@example.com")
    answer = browser.client.post("/plans/new", data=typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans/new")
    assert world.plans == {}


def test_only_the_newest_twenty_forms_are_held(gateway, wall, database):
    for number in range(25):
        wall.advance(seconds=1)
        held_forms.hold(gateway, "operator", f"/services/{number}/edit", {"a": "b"})
    paths = {row.path for row in held(database)}
    assert paths == {f"/services/{number}/edit" for number in range(5, 25)}


def test_oversized_form_is_not_held(gateway, database):
    assert not held_forms.hold(gateway, "operator", "/a", {"a": "x" * 200_001})
    assert not held_forms.hold(gateway, "operator", "/" + "a" * 500, {"a": "x"})
    assert held(database) == []


def test_held_form_replaces_an_earlier_one(gateway):
    for text in ("first", "second"):
        held_forms.hold(gateway, "operator", "/a", {"a": text})
    assert held_forms.read(gateway, "operator", "/a") == {"a": "second"}


def test_pppoe_password_is_restored_too(browser, wall, plan_id, router_id):
    form = {
        **hidden_fields(browser.get("/subscribers/new").text),
        "full_name": "Juan dela Cruz",
        "pppoe_username": "juan.delacruz",
        "pppoe_password": "pppoe-pass-01",
        "plan_id": plan_id,
    }
    wall.advance(minutes=31)
    browser.client.post("/subscribers/new", data=form)
    browser.log_in("owner@example.com")
    page = browser.get("/subscribers/new").text
    assert 'value="pppoe-pass-01"' in page
    assert f'<option value="{plan_id}" selected>' in page
