"""The audit log: what is recorded, and how it is read."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway.admin.pages import RECORD_PAGES, page
from gateway.api.routing import endpoint
from gateway.audit.events import EVENTS, Event, all_words, declare, event_of, events_called
from gateway.http.access import Permission
from gateway.models import AuditEntry, Role
from gateway_fakes import NOW, basic
from sqlalchemy import select

PLAN = {"name": "Fiber 50 Mbps", "price": 150000, "download_kbps": 50000, "upload_kbps": 50000}
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def entries(database):
    with database.reading() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


def add(database, *, event="admin.add_plan", actor="ana@example.com", at=NOW, operator_id="ana", **fields):
    known = {
        "role": "staff",
        "address": "10.0.0.1",
        "action": "POST /plans/new",
        "path": "/plans/new",
        "record_id": "",
        "correlation_id": "c",
    }
    with database.transaction() as session:
        entry = AuditEntry(
            recorded_at=at, event=event, actor=actor, operator_id=operator_id, **{**known, **fields}
        )
        session.add(entry)


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def changing_views(app):
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if WRITES & (rule.methods or set()) and rule.endpoint.startswith(("admin.", "api."))
    }


def test_every_view_that_changes_something_declares_its_event(app):
    assert [name for name in changing_views(app) if event_of(app.view_functions[name]) is None] == []


def test_view_that_changes_something_must_declare_an_event():
    with pytest.raises(TypeError, match="declares no event"):
        endpoint("POST", "/nothing", permission=Permission.VIEW_PLANS, answer=None)
    with pytest.raises(TypeError, match="declares no event"):
        page("/nothing", permission=Permission.VIEW_PLANS, methods=("GET", "POST"))


def test_two_events_cannot_have_the_same_name():
    with pytest.raises(ValueError, match=r"two events are called admin\.add_plan"):
        declare(Event("admin.add_plan", "Did something else"))


def test_stored_event_names_still_have_words():
    """Never remove a name from here: existing audit logs use it."""
    names = (Path(__file__).parent / "stored_events.txt").read_text().split()
    assert [name for name in names if name not in EVENTS] == []


def test_records_link_to_their_pages(app):
    arguments = {rule.endpoint: rule.arguments for rule in app.url_map.iter_rules()}
    assert set(RECORD_PAGES) == {"subscriber", "service", "invoice", "billing run", "payment"}
    for view, argument in RECORD_PAGES.values():
        assert arguments[view] == {argument}


def test_entry_says_who_did_what_when_and_from_where(browser, database):
    browser.client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
    browser.client.environ_base["HTTP_X_REQUEST_ID"] = "trace-1"
    browser.post("/account/sessions/end-others", seen_at="/account")
    entry = entries(database)[-1]
    assert (entry.actor, entry.role, entry.address) == ("owner@example.com", "owner", "10.1.2.3")
    assert (entry.event, entry.correlation_id) == ("admin.end_other_sessions", "trace-1")
    assert (entry.recorded_at, len(entry.operator_id)) == (NOW, 36)


def test_logins_are_recorded_and_failed_ones_by_account(new_browser, add_operator, database, app):
    owner = add_operator(Role.OWNER)
    new_browser.log_in(owner.email, "wrong")
    app.test_client().post("/api/v1/tokens", json={"name": "x"}, headers=basic(owner.email, "wrong"))
    new_browser.log_in("nobody@example.com", "wrong")
    new_browser.log_in("my secret password", "wrong")
    new_browser.log_in(owner.email)
    new_browser.post("/logout", seen_at="/account")
    assert [(entry.event, entry.actor, entry.operator_id) for entry in entries(database)] == [
        ("login.wrong_password", owner.email, owner.id),
        ("login.wrong_password", owner.email, owner.id),
        ("login.wrong_password", "nobody@example.com", ""),
        ("login.wrong_password", "(no e-mail address)", ""),
        ("admin.login", owner.email, owner.id),
        ("admin.logout", owner.email, owner.id),
    ]
    assert not any("wrong" in entry.path + entry.actor for entry in entries(database))


def test_api_writes_are_recorded_and_reads_are_not(api, database):
    plan = api("POST", "/plans", PLAN).json
    api("PATCH", f"/plans/{plan['id']}", {"price": 160000})
    api("POST", f"/plans/{plan['id']}/archive", {}, Idempotency_Key="k")
    api("POST", f"/plans/{plan['id']}/archive", {}, Idempotency_Key="k")
    api("GET", "/plans")
    assert [(entry.event, entry.record_id) for entry in entries(database)[1:]] == [
        ("api.create_plan", plan["id"]),
        ("api.change_plan", plan["id"]),
        ("api.archive_plan", plan["id"]),
    ]


def test_refused_form_is_not_recorded(browser, database):
    before = len(entries(database))
    browser.post("/account/password", {"present_password": "", "password": "x"})
    assert len(entries(database)) == before


class TestPage:
    def test_page_says_who_did_what(self, browser, database):
        add(database, actor="<b>Peña</b>@example.com", record_id="<i>")
        add(database, event="admin.record_payment", actor="pedro@example.com")
        add(database, event="", action="POST /an/old/page")
        page = browser.get("/audit-log").text
        for words in ("Added a plan", "Recorded a payment", "POST /an/old/page", "Logged in"):
            assert words in page
        assert "&lt;b&gt;Peña&lt;/b&gt;@example.com" in page
        assert "<i>" not in page
        assert " style=" not in page

    def test_records_with_a_page_are_linked(self, browser, database):
        add(database, event="api.void_invoice", record_id="inv-1")
        add(database, event="admin.restore", record_id="service-1/hold-1")
        page = browser.get("/audit-log").text
        assert 'href="/invoices/inv-1"' in page
        assert 'href="/services/service-1"' in page

    def test_operators_and_invitations_are_named(self, browser, add_operator):
        other = add_operator(Role.STAFF)
        browser.post(f"/settings/operators/{other.id}/disable")
        browser.post("/settings/operators/invite", {"email": "pedro@example.com", "role": "staff"})
        table = browser.get("/audit-log").text.partition("<tbody>")[2]
        records = re.findall(r'data-label="Record"[^>]*><small[^>]*>([^<]*)<', table)
        assert records == ["pedro@example.com", "staff@example.com", "owner@example.com"]

    def test_page_is_filtered_by_operator_action_and_days(self, browser, database, add_operator):
        add(database, actor="first", at=datetime(2026, 11, 19, 16, 0, tzinfo=UTC))  # 20 November in Manila
        add(database, actor="second", at=datetime(2026, 11, 20, 15, 59, tzinfo=UTC))
        add(database, actor="third", at=datetime(2026, 11, 20, 16, 0, tzinfo=UTC), operator_id="ben")
        add(database, actor="fourth", event="api.create_plan")

        def actors(query):
            table = browser.get(f"/audit-log?{query}").text.partition("<tbody>")[2]
            return re.findall(r'data-label="Operator"[^>]*><span>(\S+) ', table)

        assert actors("from=2026-11-20&until=2026-11-20") == ["second", "first"]
        assert actors("operator=ben") == ["third"]
        assert actors("action=Added+a+plan") == ["fourth", "third", "second", "first"]
        assert actors("action=Added+a+plan&operator=ben") == ["third"]
        assert actors("action=Nonsense") == []
        assert actors(f"operator={add_operator(Role.OWNER).id}") == ["owner@example.com"]

    @pytest.mark.parametrize(
        "query",
        ["from=x", "until=9999-12-31", "from=0001-01-01", "operator=%00", "action=😀", "action=%3Cb%3E"],
    )
    def test_invalid_filter_does_not_break_the_page(self, browser, query):
        assert browser.get(f"/audit-log?{query}").status_code == 200

    @pytest.mark.parametrize("after", ["x", "-1", "%00", "9" * 30, "१"])
    def test_invalid_cursor_is_refused(self, browser, after):
        assert browser.get(f"/audit-log?after={after}").status_code == 422

    def test_pages_continue_each_other(self, browser, database):
        for number in range(120):
            add(database, actor=f"n{number:03d}")
        seen, address = [], "/audit-log?action=Added+a+plan"
        while address:
            page = browser.get(address).text
            seen += re.findall(r'data-label="Operator"[^>]*><span>(n\d+) ', page)
            following = re.search(r'href="(/audit-log\?[^"]*after=[^"]*)" rel="next"', page)
            address = following and following[1].replace("&amp;", "&")
        assert seen == [f"n{number:03d}" for number in reversed(range(120))]

    def test_export_is_complete_and_has_no_formulas(self, browser, database):
        for number in range(450):
            add(database, actor=f"=cmd{number}")
        found = rows(browser.get("/audit-log.csv?action=Added+a+plan"))
        assert len(found) == 450
        assert found[0]["Who"] == "'=cmd449"
        assert found[0]["What"] == "Added a plan"
        assert found[0]["When (UTC)"] == NOW.isoformat()

    def test_export_link_keeps_the_filter(self, browser):
        assert 'href="/audit-log.csv?action=Logged+in"' in browser.get("/audit-log?action=Logged+in").text


class TestApi:
    def test_api_lists_and_filters(self, api, database):
        for _ in range(3):
            api("POST", "/plans", {**PLAN, "name": f"Plan {_}"})
        found = api("GET", "/audit-log?event=api.create_plan&limit=2").json
        assert [entry["what"] for entry in found["data"]] == ["Added a plan"] * 2
        rest = api("GET", f"/audit-log?event=api.create_plan&limit=2&after={found['next']}").json
        assert (len(rest["data"]), rest["next"]) == (1, None)
        owner = found["data"][0]["operator_id"]
        assert len(api("GET", f"/audit-log?operator_id={owner}").json["data"]) == 4
        assert api("GET", "/audit-log?since=2027-01-01").json["data"] == []
        assert len(api("GET", "/audit-log?since=2026-11-23&until=2026-11-23").json["data"]) == 4

    @pytest.mark.parametrize("query", ["since=x", "until=1999-01-01", "after=x", "operator_id=%00", "who=x"])
    def test_wrong_parameter_is_named(self, api, query):
        answer = api("GET", f"/audit-log?{query}")
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == query.split("=")[0]


def test_each_event_has_its_own_words():
    assert len(all_words()) == len(set(all_words()))
    assert events_called("Added a plan") == ["admin.add_plan", "api.create_plan"]
    assert events_called("nothing") == []
