"""Why a login fails: refused logins, wrong secrets, and what a router answered."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.common import Page
from contracts.radius import (
    AttemptView,
    LineEvent,
    LineEventKind,
    NasHealth,
    RejectReason,
    RejectView,
    RequestKind,
    RequestOutcome,
)
from gateway.display import error_causes
from gateway.display.network import REFUSED_BECAUSE
from gateway.display.router_commands import quoted
from gateway.models import Role
from gateway_fakes import NOW


def reject(**changes):
    view = RejectView(
        id="1",
        at=NOW - timedelta(minutes=3),
        username="pedro.reyes",
        service_id=None,
        calling_station_id="02:AB:CD:00:00:01",
        called_station_id="pppoe-san-jose",
        reason=RejectReason.WRONG_PASSWORD,
        repeats=1,
    )
    return replace(view, **changes)


def words_of(answer):
    """The text of a page as a person reads it."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


class TestRefusedLogins:
    def test_each_reason_has_words_and_advice(self):
        assert set(REFUSED_BECAUSE) == {*RejectReason, None}
        assert all(advice.endswith(".") for _, advice in REFUSED_BECAUSE.values())

    @pytest.mark.parametrize("reason", REFUSED_BECAUSE)
    def test_list_says_why_and_what_to_do(self, browser, world, reason):
        world.rejects = [reject(reason=reason)]
        words, advice = REFUSED_BECAUSE[reason]
        page = words_of(browser.get("/refused-logins"))
        assert f"{words.text} {advice}" in page
        assert "pedro.reyes" in page
        assert "23 Nov 2026, 09:57:00" in page
        assert "pppoe-san-jose" in page

    def test_row_links_to_the_service_and_the_devices_sessions(self, browser, world, subscriber):
        service_id = subscriber["services"][0]["id"]
        world.rejects = [
            reject(service_id=service_id, repeats=1_041),
            reject(username="pedro", service_id=None),
        ]
        page = browser.get("/refused-logins").text
        assert f'href="/services/{service_id}">pedro.reyes</a>' in page
        assert ">pedro</td>" in page
        assert "/sessions?q=02:AB:CD:00:00:01&amp;show=all" in page
        assert page.count("1,041 times in one minute") == page.count("times in one minute") == 1

    def test_unknown_login_is_searched(self, browser, world):
        world.rejects = [reject(username="pedro.rayes"), reject(username="maria")]
        page = browser.get("/refused-logins?q=pedro.ra").text
        assert "pedro.rayes" in page
        assert "maria" not in page
        assert "No matching refused logins" in browser.get("/refused-logins?q=juan").text
        world.rejects = []
        assert "No refused logins" in browser.get("/refused-logins").text

    def test_list_of_one_service(self, browser, world, subscriber):
        service_id = subscriber["services"][0]["id"]
        world.rejects = [reject(service_id=service_id), reject(username="maria")]
        page = browser.get(f"/refused-logins?service={service_id}").text
        assert "Showing pedro.reyes and the device" in page
        assert "maria" not in page
        world.down.add("subscriber")
        assert browser.get(f"/refused-logins?service={service_id}").status_code == 200

    def test_filters_are_kept_between_the_lists(self, browser):
        page = browser.get("/sessions?q=pedro&router=main&order=oldest").text
        assert "/refused-logins?q=pedro&amp;router=main&amp;order=oldest" in page
        page = browser.get("/refused-logins?q=pedro&router=main").text
        assert "/sessions?q=pedro&amp;router=main&amp;show=all" in page

    def test_empty_session_search_suggests_refused_logins(self, browser):
        assert "/refused-logins?q=pedro.rayes" in browser.get("/sessions?q=pedro.rayes").text

    def test_refused_logins_are_exported(self, browser, world):
        world.rejects = [reject(repeats=7), reject(reason=None, calling_station_id=None)]
        header, first, second = browser.get("/refused-logins.csv").text.split("\r\n")[:3]
        assert header.endswith("Date,Username,MAC address,Called station,Reason,Times")
        assert first.endswith("pedro.reyes,02:AB:CD:00:00:01,pppoe-san-jose,Wrong password,7")
        assert second.endswith("pedro.reyes,,pppoe-san-jose,Refused,1")

    def test_by_the_api(self, api, world, subscriber):
        service_id = subscriber["services"][0]["id"]
        world.rejects = [reject(service_id=service_id), reject(id="2", username="maria", reason=None)]
        (first, second) = api("GET", "/refused-logins").json["data"]
        assert first == {
            "id": "1",
            "at": "2026-11-23T01:57:00Z",
            "username": "pedro.reyes",
            "service_id": service_id,
            "calling_station_id": "02:AB:CD:00:00:01",
            "called_station_id": "pppoe-san-jose",
            "reason": "wrong_password",
            "repeats": 1,
        }
        assert second["reason"] is None
        assert [one["id"] for one in api("GET", "/refused-logins?query=mar").json["data"]] == ["2"]
        found = api("GET", f"/refused-logins?service_id={service_id}&limit=1").json
        assert [one["id"] for one in found["data"]] == ["1"]

    def test_everyone_who_sees_sessions_sees_refused_logins(self, browser_as):
        for role in Role:
            assert browser_as(role).get("/refused-logins").status_code == 200


class TestOnTheSubscribersPage:
    @pytest.fixture
    def panel(self, browser, subscriber):
        service_id = subscriber["services"][0]["id"]
        return lambda: browser.get(f"/services/{service_id}/refused")

    @pytest.fixture
    def its(self, subscriber):
        return {"service_id": subscriber["services"][0]["id"]}

    def test_subscriber_page_says_why_a_login_was_refused(self, panel, its, world):
        world.rejects = [reject(**its, repeats=12)]
        words = words_of(panel())
        assert "Last refused login: Wrong password" in words
        assert "3 minutes ago, 12 times in one minute, from 02:AB:CD:00:00:01" in words
        assert "Enter the password again on the subscriber's device" in words
        assert "with the username" not in words

    def test_page_asks_for_refusals_since_the_last_session(self, panel, its, world):
        panel()
        (query,) = [arguments["query"] for _, method, arguments in world.calls if method == "list_rejects"]
        assert (query.service_id, query.since_on_line) == (its["service_id"], True)
        assert query.since == NOW - timedelta(days=7)

    def test_mistyped_login_of_the_device_is_named(self, panel, world, monkeypatch):
        mistyped = reject(username="pedro.rayes", reason=RejectReason.UNKNOWN_USER)
        radius = world.fakes["radius"][1]
        monkeypatch.setattr(radius, "list_rejects", lambda query, limit, after: Page([mistyped]))
        assert "3 minutes ago, with the username pedro.rayes" in words_of(panel())

    def test_each_kind_of_refusal_is_shown_once(self, panel, its, world):
        early = NOW - timedelta(hours=2)
        world.rejects = [
            reject(**its),
            reject(**its, at=early),
            reject(**its, at=early, reason=RejectReason.TOO_MANY_SESSIONS),
        ]
        words = words_of(panel())
        assert words.count("Wrong password") == 1
        assert "Already online: 2 hours ago" in words

    def test_nothing_is_shown_without_refusals(self, panel, world):
        assert panel().text.strip() == ""
        world.down.add("radius")
        assert panel().text.strip() == ""

    def test_page_loads_refusals_only_of_live_services(self, browser, subscriber, its, api):
        page = f"/subscribers/{subscriber['id']}"
        assert f"/services/{its['service_id']}/refused" in browser.get(page).text
        api("POST", f"/services/{its['service_id']}/terminate")
        assert f"/services/{its['service_id']}/refused" not in browser.get(page).text


class TestSecrets:
    MISMATCH = {"secret_mismatch_at": NOW - timedelta(minutes=3), "also_well_signed": False}

    def test_secret_mismatch_is_shown_on_the_router(self, browser, router_id, world):
        assert "Secret mismatch" not in browser.get("/routers").text
        world.heard = self.MISMATCH
        for path in ("/routers", f"/routers/{router_id}/edit"):
            words = words_of(browser.get(path))
            assert "Secret mismatch" in words
            assert "most recently 3 minutes ago" in words
            assert "Check the secret on the router (/radius print)" in words
        assert f"/routers/{router_id}/edit" in browser.get("/routers").text
        assert "Secret mismatch" in browser.get("/routers.csv").text

    def test_mixed_signatures_have_their_own_warning(self, browser, router_id, world):
        world.heard = self.MISMATCH | {"also_well_signed": True}
        for path in ("/routers", f"/routers/{router_id}/edit"):
            words = words_of(browser.get(path))
            assert "Two secrets in use" in words
            assert "Those packets are ignored; the others are answered." in words

    def test_warning_has_no_link_without_the_right_to_edit_routers(self, browser_as, router_id, world):
        world.heard = self.MISMATCH
        page = browser_as(Role.STAFF).get("/routers").text
        assert "Secret mismatch" in page
        assert f"/routers/{router_id}/edit" not in page

    def test_disabled_router_has_no_warning(self, browser, api, router_id, world):
        world.heard = self.MISMATCH
        api("PATCH", f"/routers/{router_id}", {"status": "disabled"})
        assert "Secret mismatch" not in browser.get("/routers").text
        assert "Disabled" in browser.get(f"/routers/{router_id}/edit").text

    def test_by_the_api(self, api, router_id, world):
        router = api("GET", f"/routers/{router_id}").json
        assert (router["secret_mismatch_at"], router["also_well_signed"]) == (None, False)
        world.heard = self.MISMATCH
        router = api("GET", f"/routers/{router_id}").json
        assert (router["secret_mismatch_at"], router["also_well_signed"]) == ("2026-11-23T01:57:00Z", False)
        world.down.add("radius")
        router = api("GET", f"/routers/{router_id}").json
        assert (router["secret_mismatch_at"], router["also_well_signed"]) == (None, None)


class TestWhatTheRouterAnswered:
    def attempt(self, outcome, cause=None, detail=""):
        return AttemptView(RequestKind.DISCONNECT, outcome, cause, detail, NOW, NOW)

    @pytest.mark.parametrize(
        ("outcome", "cause", "detail", "told"),
        [
            (RequestOutcome.ACKED, None, "", "Router acknowledged the disconnect"),
            (
                RequestOutcome.NACKED,
                404,
                "Error-Cause 404",
                "Router refused the disconnect request 404 Invalid-Request: the router couldn't understand",
            ),
            (
                RequestOutcome.NACKED,
                503,
                "Error-Cause 503",
                "Router found no session for the disconnect request 503 Session-Context-Not-Found: the",
            ),
            (
                RequestOutcome.NACKED,
                None,
                "Error-Cause None",
                "Router refused the disconnect request no reason given",
            ),
            (
                RequestOutcome.NACKED,
                999,
                "Error-Cause 999",
                "Router refused the disconnect request Error-Cause 999",
            ),
            (
                RequestOutcome.TIMED_OUT,
                None,
                "no answer",
                "Router didn't respond to the disconnect request no answer",
            ),
        ],
    )
    def test_on_the_timeline(self, browser, subscriber, world, outcome, cause, detail, told):
        service_id = subscriber["services"][0]["id"]
        kind = LineEventKind.REQUEST
        world.line_events = [
            LineEvent(NOW, kind, service_id, detail, RequestKind.DISCONNECT, outcome, error_cause=cause)
        ]
        assert told in words_of(browser.get(f"/subscribers/{subscriber['id']}/timeline"))

    def test_refused_disconnect_says_why(self, browser, subscriber, world):
        service_id = subscriber["services"][0]["id"]
        for attempt, told in (
            (self.attempt(RequestOutcome.NACKED, 501), "refused (501 Administratively-Prohibited"),
            (self.attempt(RequestOutcome.TIMED_OUT, None, "no answer"), "pedro.reyes: no answer."),
        ):
            world.attempt = attempt
            browser.post(f"/services/{service_id}/kick")
            assert told in browser.get(f"/subscribers/{subscriber['id']}").text

    def test_by_the_api(self, api, subscriber, world):
        service_id = subscriber["services"][0]["id"]
        world.line_events = [
            LineEvent(
                NOW,
                LineEventKind.REQUEST,
                service_id,
                "Error-Cause 404",
                RequestKind.DISCONNECT,
                RequestOutcome.NACKED,
                404,
            )
        ]
        (event,) = api("GET", f"/services/{service_id}/events").json["data"]
        assert event["error_cause"] == 404

    def test_every_error_cause_of_the_rfc_has_a_name(self):
        """RFC 5176 section 3.6."""
        rfc = {201, 202, *range(401, 408), *range(501, 509)}
        assert set(error_causes.CAUSES) == rfc
        assert error_causes.name_of(None) is None
        assert error_causes.name_of(42) is None


class TestSessionLimit:
    FORM = {
        "full_name": "Juan dela Cruz",
        "pppoe_username": "juan.delacruz",
        "pppoe_password": "pppoe-pass-01",
    }

    def test_new_service_has_one_session_unless_changed(self, browser, plan_id, router_id, world):
        form = self.FORM | {"plan_id": plan_id, "router_id": router_id}
        assert re.search(r'id="session_limit"[^>]*value="1"', browser.get("/subscribers/new").text)
        browser.post("/subscribers/new", form | {"session_limit": "3"})
        (service,) = world.services.values()
        assert service.session_limit == 3
        page = browser.get(f"/subscribers/{service.subscriber_id}").text
        assert "<dt>Simultaneous sessions</dt><dd>3</dd>" in page

    def test_empty_limit_is_no_limit(self, browser, plan_id, router_id, world):
        form = self.FORM | {"plan_id": plan_id, "router_id": router_id, "session_limit": " "}
        browser.post("/subscribers/new", form)
        (service,) = world.services.values()
        assert service.session_limit is None
        page = browser.get(f"/subscribers/{service.subscriber_id}").text
        assert "<dt>Simultaneous sessions</dt><dd>No limit</dd>" in page

    def test_invalid_limit_is_named_at_its_field(self, browser, plan_id, router_id, world):
        form = self.FORM | {"plan_id": plan_id, "router_id": router_id, "session_limit": "two"}
        answer = browser.post("/subscribers/new", form)
        assert answer.status_code == 422
        assert "must be a whole number" in answer.text
        assert world.services == {}

    def test_limit_is_changed_and_removed_on_the_service_form(
        self, browser, subscriber, plan_id, router_id, world
    ):
        (service,) = world.services.values()
        path = f"/services/{service.id}/edit"
        assert re.search(r'id="session_limit"[^>]*value="1"', browser.get(path).text)
        form = {"pppoe_username": "pedro.reyes", "plan_id": plan_id, "router_id": router_id}
        for typed, limit in (("2", 2), ("", None)):
            assert browser.post(path, form | {"session_limit": typed}).status_code == 303
            assert world.services[service.id].session_limit == limit
        assert re.search(r'id="session_limit"[^>]*value=""', browser.get(path).text)

    def test_by_the_api(self, api, subscriber, service_body):
        (service,) = subscriber["services"]
        assert service["session_limit"] == 1  # fields left out
        path = f"/subscribers/{subscriber['id']}/services"
        for username, limit in (("two", 2), ("free", None)):
            body = service_body | {"pppoe_username": username, "session_limit": limit}
            assert api("POST", path, body).json["session_limit"] == limit
        path = f"/services/{service['id']}"
        assert api("PATCH", path, {"session_limit": 4}).json["session_limit"] == 4
        assert api("PATCH", path, {"static_ip": "10.0.0.9"}).json["session_limit"] == 4
        changed = api("PATCH", path, {"session_limit": None}).json
        assert (changed["session_limit"], changed["static_ip"]) == (None, "10.0.0.9")

    @pytest.mark.parametrize("limit", [0, 17, "1", 1.5, True])
    def test_invalid_limit_is_refused_by_the_api(self, api, subscriber, limit):
        service_id = subscriber["services"][0]["id"]
        answer = api("PATCH", f"/services/{service_id}", {"session_limit": limit})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "session_limit"


def test_router_is_added_and_disabled(browser, world):
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


def test_new_router_shows_what_to_paste_with_its_secret_once(browser, world):
    form = {"name": "Main Router", "nas_address": "127.0.0.1", "radius_secret": 'top"s$cret'}
    form |= {"coa_port": "1700", "session_control": "disconnect"}
    page = browser.post("/routers/new", form).headers["Location"]
    shown = html.unescape(browser.get(page).text)
    assert (
        r'/radius add service=ppp address=127.0.0.1 secret="top\"s\$cret" authentication-port=1812'
        " accounting-port=1813 timeout=3s src-address=127.0.0.1\n"
        "/radius incoming set accept=yes port=1700\n"
        "/ppp aaa set use-radius=yes accounting=yes interim-update=5m"
    ) in shown
    assert 'interim-update=5m\n" aria-label="Copy commands"' in shown  # a line break, which runs the last one
    again = browser.get(page).text
    assert "cret" not in again.replace("secret", "")
    assert "THE-SECRET-OF-THIS-ROUTER" in again


def test_question_mark_in_a_secret_does_not_open_the_help_of_the_router():
    assert quoted("wh?t") == r'"wh\3Ft"'


def test_page_for_the_new_router_waits_for_its_first_packet(browser, router_id, world):
    page = browser.get(f"/routers/{router_id}/connect").text
    assert f'hx-get="/routers/{router_id}/heard" hx-trigger="load, every 2s"' in page
    world.heard = {"last_heard_at": None, "health": NasHealth.NEVER_HEARD}
    assert "Nothing has arrived from" in browser.get(f"/routers/{router_id}/heard").text
    world.heard = {}
    assert "A packet arrived from" in browser.get(f"/routers/{router_id}/heard").text
    world.down.add("radius")
    assert "RADIUS isn't responding" in browser.get(f"/routers/{router_id}/heard").text
