"""Two-factor authentication: setup, login, recovery codes, the API, turning it off."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from gateway.app import make_app
from gateway.clients.context import EXTENSION
from gateway.identity import operators, second_factor, throttle
from gateway.models import ApiToken, AuditEntry, Operator, RecoveryCode, Role, SecondFactor
from gateway.settings import read_gateway_settings
from gateway_fakes import NOW, PASSWORD, basic
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import select

OWNER = "owner@example.com"
START = "/account/second-factor/start"


class Phone:
    """An authenticator app. It advances the clock so that each code is new."""

    def __init__(self, secret, wall):
        self._totp, self._wall = pyotp.TOTP(secret), wall

    def shows(self, steps_off=0):
        return self._totp.at(self._wall.now() + timedelta(seconds=30 * steps_off))

    def next_code(self):
        self._wall.advance(seconds=30)
        return self.shows()


def begin(browser, password=PASSWORD):
    return browser.post(START, {"present_password": password})


@pytest.fixture
def set_up(browser, wall):
    """Turn it on for the owner. Returns the phone and the recovery codes."""
    assert begin(browser).headers["Location"] == "/account/second-factor"
    page = browser.get("/account/second-factor").text
    secret = re.search(r'class="secret[^"]*"><span>([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    phone = Phone(secret, wall)
    answer = browser.post("/account/second-factor", {"code": phone.shows()})
    assert answer.headers["Location"] == "/account/recovery-codes"
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", browser.get("/account/recovery-codes").text)
    return phone, codes


@pytest.fixture
def phone(set_up):
    return set_up[0]


@pytest.fixture
def recovery_codes(set_up):
    return set_up[1]


def csrf_of(browser):
    return re.search(r'name="csrf_token" value="([^"]*)"', browser.get("/account").text)[1]


def events_of(database):
    with database.reading() as session:
        return session.scalars(select(AuditEntry.event).order_by(AuditEntry.id)).all()


def give_password(browser, next_page=""):
    answer = browser.post(f"/login{next_page}", {"email": OWNER, "password": PASSWORD})
    assert answer.headers["Location"] == "/login/code"


def token_with(app, **body):
    return app.test_client().post("/api/v1/tokens", json={"name": "x", **body}, headers=basic(OWNER))


def test_qr_code_has_no_styles_or_scripts(browser):
    begin(browser)
    page = browser.get("/account/second-factor").text
    assert '<svg width="' in page
    assert " style=" not in page


def test_second_factor_is_off_until_confirmed_by_a_code(browser, app, wall, database):
    begin(browser)
    for code in ("", "000000", "12345", "١٢٣٤٥٦", "<b>", "1" * 300, "a\x07b"):
        answer = browser.post("/account/second-factor", {"code": code})
        assert answer.status_code == 422
        assert 'id="code-help"' in answer.text
    assert token_with(app).status_code == 201


def test_abandoned_setup_starts_over(browser, wall):
    begin(browser)
    wall.advance(minutes=16)
    browser.get("/account")
    wall.advance(minutes=16)
    assert browser.get("/account/second-factor").headers["Location"] == "/account"
    assert "Start setting up two-factor authentication here." in browser.get("/account").text


def test_late_setup_code_is_not_in_the_audit_log(browser, wall, database):
    begin(browser)
    form = {"code": "000000", "csrf_token": csrf_of(browser)}
    wall.advance(minutes=16)
    browser.get("/account")
    wall.advance(minutes=16)
    assert browser.client.post("/account/second-factor", data=form).headers["Location"] == "/account"
    assert events_of(database) == ["admin.login", "admin.start_second_factor"]


def test_active_second_factor_cannot_be_set_up_again(browser, set_up, database):
    answer = begin(browser)
    assert answer.status_code == 422
    assert "Two-factor authentication is already on" in answer.text
    assert events_of(database).count("admin.start_second_factor") == 1


def test_setup_needs_the_password(browser, database):
    assert 'name="present_password"' in browser.get(START).text
    for password in ("", "wrong", "x" * 300, "a\x07b"):
        answer = begin(browser, password)
        assert answer.status_code == 422
        assert 'id="present_password-help"' in answer.text
    with database.reading() as session:
        assert session.scalars(select(SecondFactor)).all() == []


def test_guessing_the_password_during_setup_is_throttled(browser):
    for _ in range(throttle.PER_ACCOUNT):
        begin(browser, "wrong")
    answer = begin(browser)
    assert answer.status_code == 422
    assert "wait 15 minutes" in answer.text


def test_concurrent_setups_succeed_once_on_postgresql(environment, make_postgres_database, world):
    database = Database(make_postgres_database())
    try:
        migrate(database, "gateway")
        app = make_app(read_gateway_settings(environment), FrozenClock(NOW), database, world.call)
        gateway = app.extensions[EXTENSION]
        with database.transaction() as session:
            owner = operators.create_operator(
                gateway, session, email=OWNER, full_name="", role=Role.OWNER, password=PASSWORD
            )
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: second_factor.start(gateway, owner), range(16)))
        assert second_factor.started_secret(gateway, owner)
    finally:
        database.close()


def test_secret_is_encrypted_and_recovery_codes_are_hashed(set_up, database):
    _, codes = set_up
    assert len(codes) == second_factor.RECOVERY_CODES
    with database.reading() as session:
        row = session.scalars(select(SecondFactor)).one()
        hashes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert not re.fullmatch(r"[A-Z2-7]{32}", row.secret_encrypted)
    assert len(hashes) == 10
    assert not any(code in hashes or code.replace("-", "") in hashes for code in codes)


def test_recovery_codes_are_shown_once(browser, set_up):
    assert browser.get("/account/recovery-codes").headers["Location"] == "/account"


def test_login_asks_for_the_code_and_returns_to_the_page(new_browser, phone):
    give_password(new_browser, "?next=/plans")
    assert new_browser.get("/").headers["Location"].startswith("/login")
    answer = new_browser.post("/login/code", {"code": f" {phone.next_code()[:3]} {phone.shows()[3:]} "})
    assert answer.headers["Location"] == "/plans"
    assert new_browser.get("/account").status_code == 200


def test_code_works_once(app, new_browser, phone):
    code = phone.next_code()
    give_password(new_browser)
    assert new_browser.post("/login/code", {"code": code}).status_code == 303
    assert token_with(app, otp=code).status_code == 401


def test_older_code_does_not_work_after_a_newer_one(app, phone):
    older = phone.next_code()
    assert token_with(app, otp=phone.next_code()).status_code == 201
    assert token_with(app, otp=older).status_code == 401


@pytest.mark.parametrize(("steps_off", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_phone_clock_may_be_half_a_minute_off(app, phone, wall, steps_off, good):
    wall.advance(minutes=5)
    assert (token_with(app, otp=phone.shows(steps_off)).status_code == 201) is good


def test_password_step_is_valid_for_five_minutes(new_browser, phone, wall):
    give_password(new_browser)
    wall.advance(minutes=5, seconds=1)
    answer = new_browser.client.get("/login/code")
    assert answer.headers["Location"] == "/login"
    assert "timed out after 5 minutes" in new_browser.get("/login").text


def test_code_page_needs_the_password_step(new_browser):
    assert new_browser.get("/login/code").headers["Location"] == "/login"


@pytest.mark.parametrize("code", ["", "000000", "abc", "a\x07", "😀", "<script>", "1" * 101])
def test_wrong_code_is_named_at_its_field(new_browser, phone, code):
    give_password(new_browser)
    answer = new_browser.post("/login/code", {"code": code})
    assert answer.status_code in (401, 422)
    assert 'id="code-help"' in answer.text
    assert "<script>alert" not in answer.text
    assert new_browser.get("/").status_code == 303


def test_right_password_does_not_reset_the_count_of_code_guesses(app, phone, wall):
    """Repeating the password step between guesses does not help."""
    answers = [token_with(app, otp="000000").status_code for _ in range(throttle.PER_ACCOUNT)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert token_with(app, otp=phone.next_code()).status_code == 429
    wall.advance(minutes=16)
    assert token_with(app, otp=phone.next_code()).status_code == 201


def test_guessing_codes_on_the_page_is_throttled(new_browser, phone):
    give_password(new_browser)
    answers = [new_browser.post("/login/code", {"code": "000000"}) for _ in range(throttle.PER_ACCOUNT)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert "wait 15 minutes" in answers[-1].text


def test_complete_login_resets_the_count(new_browser, phone, wall):
    for _ in range(throttle.PER_ACCOUNT):
        give_password(new_browser)
        assert new_browser.post("/login/code", {"code": phone.next_code()}).status_code == 303


def test_recovery_code_works_once_in_any_notation(new_browser, recovery_codes):
    give_password(new_browser)
    typed = recovery_codes[0].upper().replace("-", " ")
    assert new_browser.post("/login/code", {"code": typed}).status_code == 303
    give_password(new_browser)
    assert new_browser.post("/login/code", {"code": recovery_codes[0]}).status_code == 401


def test_operator_disabled_between_the_steps_is_refused(new_browser, phone, gateway, database):
    give_password(new_browser)
    with database.transaction() as session:
        session.scalars(select(Operator)).one().disabled = True
    answer = new_browser.client.get("/login/code")
    assert answer.headers["Location"] == "/login"


def test_api_gives_no_token_for_the_password_alone(app, phone, database):
    answer = token_with(app)
    assert answer.status_code == 401
    assert answer.json["detail"].endswith('send the current code in the body as "otp"')
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    for otp in ("", "000000", 123456, None, [], {"a": 1}):
        assert token_with(app, otp=otp).status_code == 401
    with database.reading() as session:
        assert session.scalars(select(ApiToken)).all() == []
    assert token_with(app, otp=phone.next_code()).status_code == 201


def test_api_needs_no_code_without_a_second_factor(app, add_operator):
    add_operator(Role.OWNER)
    assert token_with(app).status_code == 201
    assert token_with(app, otp="123456").status_code == 201


def test_code_is_accepted_only_in_the_request_body(app, phone):
    client, code = app.test_client(), phone.next_code()
    answer = client.post(f"/api/v1/tokens?otp={code}", json={"name": "x"}, headers=basic(OWNER))
    assert answer.status_code == 401
    answer = client.post("/api/v1/tokens", data={"name": "x", "otp": code}, headers=basic(OWNER))
    assert answer.status_code == 401


def test_new_recovery_codes_need_the_password_and_replace_the_old(browser, recovery_codes, new_browser):
    answer = browser.post("/account/recovery-codes/new", {"present_password": "wrong"})
    assert answer.status_code == 422
    assert "Incorrect password" in answer.text
    answer = browser.post("/account/recovery-codes/new", {"present_password": PASSWORD})
    assert answer.headers["Location"] == "/account/recovery-codes"
    new = re.findall(r"<li>([a-z2-7-]{19})</li>", browser.get("/account/recovery-codes").text)
    assert len(set(new) | set(recovery_codes)) == 20
    give_password(new_browser)
    assert new_browser.post("/login/code", {"code": recovery_codes[0]}).status_code == 401
    assert new_browser.post("/login/code", {"code": new[0]}).status_code == 303
    assert "9 recovery codes left" in new_browser.get("/account").text


def test_recovery_codes_cannot_be_created_while_it_is_off(browser):
    answer = browser.post("/account/recovery-codes/new", {"present_password": PASSWORD})
    assert answer.status_code == 422
    assert "Two-factor authentication is off" in answer.text


def test_turning_it_off_needs_password_and_code(browser, phone, app):
    path = "/account/second-factor/off"
    for form in (
        {"present_password": PASSWORD, "code": "000000"},
        {"present_password": "wrong", "code": phone.next_code()},
        {"present_password": "", "code": ""},
    ):
        assert browser.post(path, form).status_code == 422
        assert token_with(app).status_code == 401
    form = {"present_password": PASSWORD, "code": phone.next_code()}
    assert browser.post(path, form).headers["Location"] == "/account"
    assert token_with(app).status_code == 201


def test_owners_and_admins_are_advised_to_turn_it_on(browser_as):
    assert "We recommend it for your role." in browser_as(Role.OWNER).get("/account").text
    assert "We recommend it for your role." in browser_as(Role.ADMIN).get("/account").text
    assert "We recommend it for your role." not in browser_as(Role.STAFF).get("/account").text


def test_advice_disappears_once_it_is_on(browser, phone):
    page = browser.get("/account").text
    assert "We recommend" not in page
    assert "10 recovery codes left" in page


def test_changes_to_it_are_in_the_audit_log(browser, phone, new_browser, database):
    give_password(new_browser)
    new_browser.post("/login/code", {"code": "000000"})
    new_browser.post("/login/code", {"code": phone.next_code()})
    assert events_of(database) == [
        "admin.login",
        "admin.start_second_factor",
        "admin.confirm_second_factor",
        "login.wrong_code",
        "admin.login_code",
    ]


KEY = {"Idempotency-Key": "token-1"}


def token_with_key(app, **body):
    headers = {**basic(OWNER), **KEY}
    return app.test_client().post("/api/v1/tokens", json={"name": "x", **body}, headers=headers)


def test_repeated_token_request_ignores_the_code(app, phone, database):
    code = phone.next_code()
    first = token_with_key(app, otp=code)
    assert first.status_code == 201
    for otp in (code, "000000", phone.next_code()):
        again = token_with_key(app, otp=otp)
        assert (again.status_code, again.json) == (201, first.json)
    assert token_with_key(app).json == first.json
    with database.reading() as session:
        assert len(session.scalars(select(ApiToken)).all()) == 1
    assert events_of(database).count("api.create_token") == 1


def test_repeated_token_request_needs_the_password(app, phone):
    token_with_key(app, otp=phone.next_code())
    headers = {**basic(OWNER, "wrong"), **KEY}
    answer = app.test_client().post("/api/v1/tokens", json={"name": "x"}, headers=headers)
    assert answer.status_code == 401


def test_key_of_a_token_with_another_name_is_refused(app, phone):
    token_with_key(app, otp=phone.next_code())
    assert token_with_key(app, name="y", otp=phone.next_code()).status_code == 422


def test_wrong_code_does_not_use_up_the_key(app, phone):
    for body in ({"otp": "000000"}, {"otp": ""}, {}):
        answer = token_with_key(app, **body)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert token_with_key(app, otp=phone.next_code()).status_code == 201


def test_too_many_codes_do_not_use_up_the_key(app, phone, wall):
    answers = [token_with_key(app, otp="000000").status_code for _ in range(throttle.PER_ACCOUNT)]
    assert answers[-1] == 429
    wall.advance(minutes=16)
    assert token_with_key(app, otp=phone.next_code()).status_code == 201


def test_repeated_token_request_does_not_reset_the_count(app, phone):
    """A correct password without a code does not reset the count."""
    token_with_key(app, otp=phone.next_code())
    answers = [token_with_key(app).status_code for _ in range(throttle.PER_ACCOUNT + 1)]
    assert (answers[0], answers[-1]) == (201, 429)


@pytest.mark.parametrize("body", [{"otp": {"a": 1}}, {"otp": None}, {"otp": 1}])
def test_code_of_the_wrong_type_is_refused_with_a_key_too(app, phone, body):
    assert token_with_key(app, **body).status_code == 401
