"""The Account page: your own password and sessions."""

import base64
import re

import pytest
from gateway.identity import throttle
from gateway.models import LoginSession, Operator, Role
from gateway_fakes import PASSWORD
from sqlalchemy import select

OWNER = "owner@example.com"
NEW = "another password 1"
CHANGE = {"present_password": PASSWORD, "password": NEW, "password_again": NEW}
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def second_browser(app, new_browser):
    """The owner on another machine."""
    browser = type(new_browser)(app.test_client())
    browser.client.environ_base.update({"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "10.1.2.3"})
    return browser


def end_paths(page):
    return re.findall(r"/account/sessions/[\w-]+/end(?=\")", page)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_an_account_page(browser_as, role):
    page = browser_as(role).get("/account")
    assert page.status_code == 200
    assert f"{role}@example.com" in page.text
    assert " style=" not in page.text


def test_account_page_needs_a_login(app):
    for path in ("/account", "/account/password", "/account/second-factor", "/account/recovery-codes"):
        assert app.test_client().get(path).headers["Location"].startswith("/login")


def test_password_change_ends_all_other_sessions(browser, second_browser):
    second_browser.log_in(OWNER)
    before = browser.client.get_cookie("isp_session").value
    assert browser.post("/account/password", CHANGE).headers["Location"] == "/account"
    assert browser.client.get_cookie("isp_session").value != before
    assert "Your password was changed" in browser.get("/account").text
    assert second_browser.get("/account").status_code == 303
    assert second_browser.log_in(OWNER).status_code == 401
    assert second_browser.log_in(OWNER, NEW).status_code == 303


def test_copied_cookie_is_useless_after_the_change(browser, app):
    cookie = browser.client.get_cookie("isp_session").value
    browser.post("/account/password", CHANGE)
    thief = app.test_client()
    thief.set_cookie("isp_session", cookie)
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"present_password": "wrong"}, "present_password", "Incorrect password"),
        ({"present_password": ""}, "present_password", "This is required"),
        ({"present_password": "x" * 300}, "present_password", "at most 200 characters"),
        ({"password": "short", "password_again": "short"}, "password", "at least 10 characters"),
        ({"password": "x" * 201, "password_again": "x" * 201}, "password", "at most 200 characters"),
        ({"password": "a\x00bcdefghijk"}, "password", "control character"),
        ({"password_again": "other"}, "password_again", "t match"),
    ],
)
def test_wrong_input_is_named_at_its_field_and_changes_nothing(browser, new_browser, form, field, words):
    answer = browser.post("/account/password", {**CHANGE, **form})
    assert answer.status_code == 422
    assert words in re.search(rf'id="{field}-help">([^<]*)<', answer.text)[1]
    assert NEW not in answer.text
    assert new_browser.log_in(OWNER).status_code == 303


def test_password_may_have_letters_of_any_script(browser, new_browser):
    password = "Peña 😀 <b>ñandú</b>"
    browser.post("/account/password", {**CHANGE, "password": password, "password_again": password})
    assert new_browser.log_in(OWNER, password).status_code == 303


def test_guessing_the_current_password_is_throttled(browser):
    wrong = {**CHANGE, "present_password": "wrong"}
    answers = [browser.post("/account/password", wrong) for _ in range(throttle.PER_ACCOUNT + 1)]
    assert "wait 15 minutes" in answers[-1].text
    assert "wait 15 minutes" in browser.post("/account/password", CHANGE).text


def test_failed_logins_by_others_do_not_block_a_password_change(browser, app):
    stranger = type(browser)(app.test_client())
    stranger.client.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    answers = [stranger.log_in(OWNER, "wrong").status_code for _ in range(throttle.PER_ACCOUNT + 1)]
    assert answers[-1] == 429
    assert browser.post("/account/password", CHANGE).headers["Location"] == "/account"


@pytest.mark.parametrize("form", ["own checks of {id}", "OWN CHECKS OF {id}", " Own checks of {id}"])
def test_no_login_name_shares_the_counter_of_password_checks(browser, app, add_operator, form):
    stranger = type(browser)(app.test_client())
    stranger.client.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    for _ in range(throttle.PER_ACCOUNT):
        stranger.log_in(form.format(id=add_operator(Role.OWNER).id), "wrong")
    assert browser.post("/account/password", CHANGE).status_code == 303


def test_correct_current_password_resets_the_count(browser):
    for _ in range(3):
        for _ in range(throttle.PER_ACCOUNT - 1):
            browser.post("/account/password", {**CHANGE, "present_password": "wrong"})
        form = {**CHANGE, "password": PASSWORD, "password_again": PASSWORD}
        assert browser.post("/account/password", form).status_code == 303


def test_own_sessions_are_listed_and_ended_one_by_one(browser, second_browser):
    second_browser.log_in(OWNER)
    page = browser.get("/account").text
    assert "Firefox on Windows" in page
    assert "10.1.2.3" in page
    assert "this browser" in page
    (path,) = end_paths(page)
    assert browser.post(path, seen_at="/account").status_code == 303
    assert second_browser.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200
    assert browser.post(path, seen_at="/account").status_code == 404


def test_all_other_sessions_are_ended_together(browser, second_browser):
    second_browser.log_in(OWNER)
    assert browser.post("/account/sessions/end-others", seen_at="/account").status_code == 303
    assert second_browser.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_nobody_can_end_the_session_of_another_operator(browser, browser_as, database):
    staff = browser_as(Role.STAFF)
    with database.reading() as session:
        ids = session.scalars(select(LoginSession.id)).all()
    for session_id in ids:
        staff.post(f"/account/sessions/{session_id}/end", seen_at="/account")
        staff.log_in("staff@example.com")
    assert browser.get("/account").status_code == 200


def test_user_agent_is_stored_as_text_of_limited_length(second_browser, add_operator, database):
    add_operator(Role.OWNER)
    second_browser.client.environ_base["HTTP_USER_AGENT"] = "<b>x</b>\x07" + "y" * 1000
    second_browser.log_in(OWNER)
    with database.reading() as session:
        login = session.scalars(select(LoginSession)).one()
    assert login.user_agent.startswith("<b>x</b>yyy")
    assert len(login.user_agent) == 300
    assert "Unknown browser" in second_browser.get("/account").text


def test_automatic_refreshes_do_not_keep_a_session_alive(browser, wall):
    for _ in range(3):
        wall.advance(minutes=9)
        assert browser.client.get("/account", headers={"HX-Request": "true"}).status_code == 200
    wall.advance(minutes=4)
    assert browser.get("/account").status_code == 303


def test_last_seen_survives_the_end_of_a_session(browser, wall, database, gateway):
    wall.advance(minutes=5)
    browser.get("/account")
    browser.post("/logout", seen_at="/account")
    with database.reading() as session:
        assert session.scalars(select(Operator)).one().last_seen_at == wall.now()


def test_second_login_in_a_browser_ends_its_first_session(browser, database):
    browser.log_in(OWNER)
    with database.reading() as session:
        assert len(session.scalars(select(LoginSession)).all()) == 1


def test_control_characters_in_a_login_are_refused_politely(app, new_browser):
    answer = new_browser.log_in("a\x00b@example.com")
    assert answer.status_code == 422
    header = "Basic " + base64.b64encode(b"a\x00b@example.com:x").decode()
    answer = app.test_client().post("/api/v1/tokens", json={"name": "x"}, headers={"Authorization": header})
    assert answer.status_code == 401
