"""The first owner, passwords, sessions, throttling."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from gateway.app import make_app
from gateway.clients.context import EXTENSION
from gateway.identity import first_owner, throttle
from gateway.identity.operators import any_exists
from gateway.models import Operator, Role
from gateway.settings import read_gateway_settings
from gateway_fakes import NOW, PASSWORD, basic
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import select
from werkzeug.exceptions import TooManyRequests

NEW_OWNER = {
    "full_name": "Ana Cruz",
    "email": "Ana@Example.com",
    "password": "long enough 1",
    "password_again": "long enough 1",
}


@pytest.mark.usefixtures("passwords_as_in_production")
def test_owner_from_the_environment_is_created_once(environment, database, world):
    settings = read_gateway_settings(
        {**environment, "ISPOS_OWNER_EMAIL": "Boss@Example.com", "ISPOS_OWNER_PASSWORD": "short"}
    )
    app = make_app(settings, FrozenClock(NOW), database, world.call)
    for _ in range(2):
        assert first_owner.prepare(app.extensions[EXTENSION]) is None
    with database.reading() as session:
        (owner,) = session.scalars(select(Operator)).all()
    assert (owner.email, owner.role) == ("boss@example.com", Role.OWNER)
    assert owner.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    answer = app.test_client().post(
        "/api/v1/tokens", json={"name": "x"}, headers=basic("boss@example.com", "short")
    )
    assert answer.status_code == 201


def test_setup_token_is_readable_only_by_the_machines_owner(gateway, settings, tmp_path):
    address = first_owner.prepare(gateway)
    assert address == first_owner.setup_url(settings)
    assert stat.S_IMODE((tmp_path / "setup-token").stat().st_mode) == 0o600


def test_setup_page_creates_the_first_owner_and_disappears(gateway, settings, new_browser):
    address = first_owner.prepare(gateway).removeprefix(settings.public_url)
    browser = new_browser
    answer = browser.post(address, NEW_OWNER)
    assert answer.status_code == 303, answer.text
    assert browser.get("/").status_code == 200
    assert browser.get(address).status_code == 404
    assert first_owner.setup_url(settings) is None


def test_setup_page_needs_its_token(app):
    for path in ("/setup", "/setup?token=wrong", "/setup?token=%C3%A9"):
        assert app.test_client().get(path).status_code == 403


def test_weak_password_is_named_at_its_field_and_the_rest_kept(gateway, settings, new_browser):
    address = first_owner.prepare(gateway).removeprefix(settings.public_url)
    answer = new_browser.post(address, {**NEW_OWNER, "password": "short", "password_again": "other"})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.text
    assert "t match" in answer.text
    assert "Ana Cruz" in answer.text
    assert not any_exists(gateway)


def test_failed_login_does_not_say_what_was_wrong(new_browser, add_operator):
    add_operator(Role.OWNER)
    wrong = new_browser.log_in("owner@example.com", "no")
    unknown = new_browser.log_in("nobody@example.com", "no")
    assert wrong.status_code == unknown.status_code == 401
    assert "incorrect email address or password" in wrong.text.lower()
    assert "incorrect email address or password" in unknown.text.lower()


def test_throttled_account_refuses_the_right_password_too(app, add_operator, wall):
    email = add_operator(Role.OWNER).email
    client = app.test_client()
    for _ in range(throttle.PER_ACCOUNT):
        answer = client.post("/api/v1/tokens", json={"name": "x"}, headers=basic(email, "no"))
        assert answer.status_code == 401
    answer = client.post("/api/v1/tokens", json={"name": "x"}, headers=basic(email))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    wall.advance(minutes=16)
    assert client.post("/api/v1/tokens", json={"name": "x"}, headers=basic(email)).status_code == 201


def test_address_is_throttled_across_accounts(gateway):
    for number in range(throttle.PER_ADDRESS):
        throttle.claim_attempt(gateway, f"{number}@example.com", "10.0.0.1")
    with pytest.raises(Exception, match="too many"):
        throttle.claim_attempt(gateway, "new@example.com", "10.0.0.1")
    throttle.claim_attempt(gateway, "new@example.com", "10.0.0.2")


def test_ipv6_network_of_a_customer_is_throttled_as_one(gateway):
    for number in range(throttle.PER_ADDRESS):
        throttle.claim_attempt(gateway, f"{number}@example.com", f"2001:db8::{number:x}")
    with pytest.raises(TooManyRequests):
        throttle.claim_attempt(gateway, "new@example.com", "2001:db8::ffff:1")
    throttle.claim_attempt(gateway, "new@example.com", "2001:db8:0:1::1")


def test_right_password_resets_the_count(app, add_operator):
    email = add_operator(Role.OWNER).email
    client = app.test_client()
    for _ in range(3):
        for _ in range(throttle.PER_ACCOUNT - 1):
            client.post("/api/v1/tokens", json={"name": "x"}, headers=basic(email, "no"))
        assert client.post("/api/v1/tokens", json={"name": "x"}, headers=basic(email)).status_code == 201


def test_idle_session_ends_after_30_minutes(browser, wall):
    wall.advance(minutes=29)
    assert browser.get("/").status_code == 200
    wall.advance(minutes=31)
    answer = browser.get("/plans?after=3")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/plans?after%3D3"


def test_active_session_ends_after_12_hours(browser, wall):
    for _ in range(47):
        wall.advance(minutes=15)
        assert browser.get("/").status_code == 200
    wall.instant += timedelta(minutes=16)
    assert browser.get("/").status_code == 303


def test_login_starts_a_new_session(new_browser, add_operator):
    add_operator(Role.OWNER)
    new_browser.get("/login")
    before = new_browser.client.get_cookie("isp_session").value
    new_browser.log_in("owner@example.com")
    cookie = new_browser.client.get_cookie("isp_session")
    assert cookie.value != before
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_copied_cookie_is_useless_after_logout(browser, app):
    cookie = browser.client.get_cookie("isp_session").value
    assert browser.post("/logout", seen_at="/").status_code == 303
    thief = app.test_client()
    thief.set_cookie("isp_session", cookie)
    assert thief.get("/").status_code == 303


def test_disabled_operator_is_logged_out_immediately(browser, database):
    with database.transaction() as session:
        session.scalars(select(Operator)).one().disabled = True
    assert browser.get("/").status_code == 303


def test_login_returns_only_to_our_own_pages(new_browser, add_operator):
    add_operator(Role.OWNER)
    form = {"email": "owner@example.com", "password": PASSWORD}
    assert new_browser.post("/login?next=/plans", form).headers["Location"] == "/plans"
    for evil in ("https://evil.example", "//evil.example", "/\\evil.example", "//[", "http://[", ""):
        assert new_browser.post(f"/login?next={evil}", form).headers["Location"] == "/"


@pytest.mark.parametrize("target", ["/ok%0d%0aX", "/%00", "/%7f", "/%09/evil.example"])
def test_login_ignores_unprintable_return_addresses(new_browser, add_operator, target):
    add_operator(Role.OWNER)
    answer = new_browser.post(f"/login?next={target}", {"email": "owner@example.com", "password": PASSWORD})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"


def test_cookie_is_bound_to_the_host_over_https(environment, database, world):
    settings = read_gateway_settings({**environment, "ISPOS_PUBLIC_URL": "https://isp.example"})
    app = make_app(settings, FrozenClock(NOW), database, world.call)
    answer = app.test_client().get("/login", base_url="https://isp.example")
    assert answer.headers["Set-Cookie"].startswith("__Host-isp_session=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.fixture
def claim_on_postgresql(environment, make_postgres_database, world):
    """Call it to claim an attempt. Returns whether it was allowed."""
    database = Database(make_postgres_database())
    migrate(database, "gateway")
    app = make_app(read_gateway_settings(environment), FrozenClock(NOW), database, world.call)

    def claim(account, address):
        try:
            throttle.claim_attempt(app.extensions[EXTENSION], account, address)
        except TooManyRequests:
            return False
        return True

    yield claim
    database.close()


def test_concurrent_attempts_are_all_counted_on_postgresql(claim_on_postgresql):
    with ThreadPoolExecutor(15) as pool:
        tries = pool.map(
            lambda number: claim_on_postgresql("juan@example.com", f"10.0.0.{number}"), range(30)
        )
        assert sum(tries) == throttle.PER_ACCOUNT


def test_concurrent_attempts_on_many_accounts_are_all_counted(claim_on_postgresql):
    with ThreadPoolExecutor(15) as pool:
        tries = pool.map(lambda number: claim_on_postgresql(f"{number}@example.com", "10.0.0.1"), range(70))
        assert sum(tries) == throttle.PER_ADDRESS
