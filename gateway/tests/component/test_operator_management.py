"""Managing operators: roles, access and sessions, and who may change whom."""

import re
import threading

import pyotp
import pytest
from contracts.common import Conflict
from gateway.app import make_app
from gateway.clients.context import EXTENSION
from gateway.identity import operator_changes, operators
from gateway.models import AuditEntry, Operator, Role
from gateway.settings import read_gateway_settings
from gateway_fakes import NOW, PASSWORD, basic
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import select
from werkzeug.exceptions import Forbidden

PAGE = "/settings/operators"


def add(gateway, role, name):
    with gateway.database.transaction() as session:
        return operators.create_operator(
            gateway,
            session,
            email=f"{name}@example.com",
            full_name=name.capitalize(),
            role=role,
            password=PASSWORD,
        )


def row(database, email):
    with database.reading() as session:
        return session.scalars(select(Operator).where(Operator.email == email)).one()


def test_page_lists_all_operators(browser, gateway):
    add(gateway, Role.STAFF, "peña")
    page = browser.get(PAGE).text
    for words in ("owner@example.com", "Peña", "Staff", "Active", "Last seen"):
        assert words in page
    assert " style=" not in page


@pytest.mark.parametrize("role", [Role.STAFF, Role.TECHNICIAN])
def test_staff_and_technicians_cannot_open_the_page(browser_as, role):
    browser = browser_as(role)
    for path in (PAGE, f"{PAGE}/invite", "/audit-log", "/audit-log.csv"):
        assert browser.get(path).status_code == 403


def test_owner_can_assign_any_role(browser, gateway, database):
    other = add(gateway, Role.STAFF, "pedro")
    for role in (Role.ADMIN, Role.OWNER, Role.TECHNICIAN):
        assert browser.post(f"{PAGE}/{other.id}/role", {"role": role}).status_code == 303
        assert row(database, "pedro@example.com").role is role


@pytest.mark.parametrize("role", ["", "king", "Owner", "😀"])
def test_unknown_role_is_named_at_its_field(browser, gateway, database, role):
    other = add(gateway, Role.STAFF, "pedro")
    answer = browser.post(f"{PAGE}/{other.id}/role", {"role": role})
    assert answer.status_code == 422
    assert 'id="role-help"' in answer.text
    assert row(database, "pedro@example.com").role is Role.STAFF


def test_admin_manages_only_staff_and_technicians(browser_as, gateway, database):
    browser = browser_as(Role.ADMIN)
    owner, admin = add(gateway, Role.OWNER, "maria"), add(gateway, Role.ADMIN, "ana")
    staff = add(gateway, Role.STAFF, "pedro")
    page = browser.get(PAGE).text
    assert f"{PAGE}/{staff.id}/disable" in page
    assert f"{PAGE}/{owner.id}/disable" not in page
    for other in (owner, admin):
        for action in ("disable", "enable", "end-sessions", "second-factor/off"):
            assert browser.post(f"{PAGE}/{other.id}/{action}").status_code == 403
        assert browser.post(f"{PAGE}/{other.id}/role", {"role": "staff"}).status_code == 403
    for role in ("owner", "admin"):
        assert browser.post(f"{PAGE}/{staff.id}/role", {"role": role}).status_code == 403
    assert browser.post(f"{PAGE}/{staff.id}/role", {"role": "technician"}).status_code == 303
    assert row(database, "pedro@example.com").role is Role.TECHNICIAN
    assert row(database, "maria@example.com").role is Role.OWNER


def test_nobody_can_change_their_own_role(browser, gateway, database, add_operator):
    add(gateway, Role.OWNER, "maria")
    me = add_operator(Role.OWNER)
    assert f"{PAGE}/{me.id}/disable" not in browser.get(PAGE).text
    for path, form in (("role", {"role": "staff"}), ("disable", {}), ("second-factor/off", {})):
        answer = browser.post(f"{PAGE}/{me.id}/{path}", form)
        assert answer.status_code == 422
        assert "change your own role" in answer.text
    assert row(database, me.email).role is Role.OWNER


def test_last_active_owner_cannot_be_demoted(gateway, add_operator):
    """Only another owner can try, and only while being demoted at the same time."""
    owner, other = add_operator(Role.OWNER), add(gateway, Role.OWNER, "maria")
    operator_changes.change(gateway, owner, other.id, disabled=True)
    with gateway.database.transaction() as session:
        operator = session.get_one(Operator, owner.id)
        assert operator_changes._is_last_owner(session, operator)
    with pytest.raises(Forbidden):
        operator_changes.change(gateway, other, owner.id, role=Role.STAFF)


def at_once(*commands):
    """Run them concurrently. Returns what each raised, or None."""
    start, raised = threading.Barrier(len(commands)), [None] * len(commands)

    def run(number, command):
        start.wait()
        try:
            command()
        except (Conflict, Forbidden) as error:
            raised[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(commands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def demote_one_another(gateway, rounds):
    for number in range(rounds):
        one, two = (add(gateway, Role.OWNER, f"{name}{number}") for name in ("juan", "maria"))
        with gateway.database.transaction() as session:
            for operator in session.scalars(select(Operator).where(Operator.id.not_in([one.id, two.id]))):
                operator.disabled = True
        raised = at_once(
            lambda one=one, two=two: operator_changes.change(gateway, one, two.id, role=Role.STAFF),
            lambda one=one, two=two: operator_changes.change(gateway, two, one.id, disabled=True),
        )
        assert sum(error is not None for error in raised) == 1
        with gateway.database.reading() as session:
            owners = select(Operator).where(Operator.role == Role.OWNER, Operator.disabled.is_(False))
            assert len(session.scalars(owners).all()) == 1


def test_two_owners_demoting_each_other_leave_one(gateway):
    demote_one_another(gateway, 3)


def test_two_owners_demoting_each_other_leave_one_on_postgresql(environment, make_postgres_database, world):
    database = Database(make_postgres_database())
    try:
        migrate(database, "gateway")
        app = make_app(read_gateway_settings(environment), FrozenClock(NOW), database, world.call)
        demote_one_another(app.extensions[EXTENSION], 5)
    finally:
        database.close()


def test_disabled_operator_is_locked_out_until_enabled(browser_as, api_as, browser, gateway, database):
    staff, api = browser_as(Role.STAFF), api_as(Role.STAFF)
    other = row(database, "staff@example.com")
    assert browser.post(f"{PAGE}/{other.id}/disable").status_code == 303
    assert staff.get("/account").status_code == 303
    assert api("GET", "/tokens").status_code == 401
    assert staff.log_in("staff@example.com").status_code == 401
    assert browser.post(f"{PAGE}/{other.id}/enable").status_code == 303
    assert api("GET", "/tokens").status_code == 200
    assert staff.get("/account").status_code == 303  # the old session did not come back
    assert staff.log_in("staff@example.com").status_code == 303


def test_sessions_of_an_operator_can_be_ended(browser_as, browser, api_as, database):
    staff, api = browser_as(Role.STAFF), api_as(Role.STAFF)
    other = row(database, "staff@example.com")
    assert browser.post(f"{PAGE}/{other.id}/end-sessions").status_code == 303
    assert staff.get("/account").status_code == 303
    assert api("GET", "/tokens").status_code == 200


def test_new_role_applies_immediately(browser_as, browser, database):
    staff = browser_as(Role.STAFF)
    other = row(database, "staff@example.com")
    browser.post(f"{PAGE}/{other.id}/role", {"role": "technician"})
    assert staff.get("/subscribers/new").status_code == 403


def test_unknown_operator_is_404(browser):
    for action in ("role", "disable", "enable", "end-sessions"):
        assert browser.get(f"{PAGE}/nobody/{action}").status_code == 404


def test_each_change_is_in_the_audit_log(browser, gateway, database):
    other = add(gateway, Role.STAFF, "pedro")
    browser.post(f"{PAGE}/{other.id}/role", {"role": "technician"})
    browser.post(f"{PAGE}/{other.id}/disable")
    browser.post(f"{PAGE}/{other.id}/enable")
    browser.post(f"{PAGE}/{other.id}/end-sessions")
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[1:]
    assert [(entry.event, entry.record_id) for entry in entries] == [
        ("admin.change_operator_role", other.id),
        ("admin.disable_operator", other.id),
        ("admin.enable_operator", other.id),
        ("admin.end_operator_sessions", other.id),
    ]


class TestApi:
    def test_operators_are_listed_and_shown(self, api, gateway):
        other = add(gateway, Role.STAFF, "pedro")
        listed = api("GET", "/operators").json["data"]
        assert [one["email"] for one in listed] == ["pedro@example.com", "owner@example.com"]
        shown = api("GET", f"/operators/{other.id}").json
        assert (shown["role"], shown["disabled"], shown["second_factor"]) == ("staff", False, False)
        assert not {"password_hash", "password"} & set(shown)
        assert api("GET", "/operators/nobody").status_code == 404
        assert len(api("GET", "/operators?limit=1").json["data"]) == 1

    def test_role_and_access_are_changed(self, api, gateway):
        other = add(gateway, Role.STAFF, "pedro")
        changed = api("PATCH", f"/operators/{other.id}", {"role": "admin", "disabled": True}).json
        assert (changed["role"], changed["disabled"]) == ("admin", True)
        assert api("PATCH", f"/operators/{other.id}", {"role": "king"}).status_code == 422
        assert api("PATCH", f"/operators/{other.id}", {"role": None}).status_code == 422
        assert api("PATCH", f"/operators/{other.id}", {"email": "a@b.c"}).status_code == 422
        assert api("PATCH", f"/operators/{other.id}", {"disabled": False}).json["disabled"] is False

    def test_api_has_the_same_rules_as_the_page(self, api_as, gateway):
        admin, owner = api_as(Role.ADMIN), add(gateway, Role.OWNER, "maria")
        staff = add(gateway, Role.STAFF, "pedro")
        assert admin("PATCH", f"/operators/{owner.id}", {"disabled": True}).status_code == 403
        assert admin("PATCH", f"/operators/{staff.id}", {"role": "admin"}).status_code == 403
        assert admin("DELETE", f"/operators/{owner.id}/sessions").status_code == 403
        assert admin("DELETE", f"/operators/{staff.id}/sessions").status_code == 204
        assert admin("DELETE", f"/operators/{staff.id}/second-factor").status_code == 204
        me = next(one for one in admin("GET", "/operators").json["data"] if one["role"] == "admin")
        assert admin("PATCH", f"/operators/{me['id']}", {"disabled": True}).status_code == 409

    @pytest.mark.parametrize("role", list(Role))
    def test_each_role_has_its_rights_and_no_others(self, api_as, role):
        api = api_as(role)
        for method, path in (
            ("GET", "/operators"),
            ("PATCH", "/operators/x"),
            ("GET", "/invitations"),
            ("POST", "/invitations"),
            ("DELETE", "/invitations/x"),
            ("GET", "/audit-log"),
        ):
            refused = api(method, path, {} if method != "GET" else None).status_code == 403
            assert refused is (role not in (Role.OWNER, Role.ADMIN)), (method, path)


def test_owner_can_turn_off_the_second_factor_of_another(browser, browser_as, app, database, wall):

    staff = browser_as(Role.STAFF)
    other = row(database, "staff@example.com")
    staff.post("/account/second-factor/start", {"present_password": PASSWORD})
    page = staff.get("/account/second-factor").text
    secret = re.search(r'class="secret[^"]*"><span>([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    staff.post("/account/second-factor", {"code": pyotp.TOTP(secret).at(wall.now())})
    assert f"{PAGE}/{other.id}/second-factor/off" in browser.get(PAGE).text
    assert browser.post(f"{PAGE}/{other.id}/second-factor/off").status_code == 303
    assert staff.get("/account").status_code == 303
    answer = app.test_client().post("/api/v1/tokens", json={"name": "x"}, headers=basic(other.email))
    assert answer.status_code == 201
