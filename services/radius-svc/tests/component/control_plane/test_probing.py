"""Probes: if a login has too many sessions, its routers are asked whether they still exist."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.router import SessionControl
from radius_svc.domain.change_rules import FEW_PROBES, pause_before_probe
from radius_svc.models import ChangeKind, RadPostAuth, SessionChange
from radius_svc.usecases.following import asking, probing
from sqlalchemy import delete, update

from .conftest import ON_SQLITE, make_dispatcher


def refuse(control, username="juan", reason="too_many_sessions", **columns):
    """Write a refused login as the listener does."""
    row = {
        "username": username,
        "reply": "Access-Reject",
        "authdate": control.runtime.now(),
        "reason": reason,
    }
    with control.runtime.transaction() as session:
        session.add(RadPostAuth(**row | columns))


def probe(control):
    """Do what the dispatcher does every two seconds, and send the requests."""
    with control.runtime.transaction() as session:
        asked = probing.request_probes(session, now=control.runtime.now())
    control.follow()
    return asked


@pytest.fixture
def juan(control):
    return control.service()


class TestAnswers:
    def test_an_unknown_session_is_closed_and_the_next_dial_let_in(self, control, juan):
        lost = control.dial(juan)
        control.nas.hang_up("juan")  # its Stop is lost
        refuse(control)
        assert probe(control) == 1

        row = control.row(lost)
        assert (row.closed_on_evidence, row.acctstoptime) == ("unknown-to-nas", control.runtime.now())
        assert control.outcomes(juan) == [("probe", "nacked", 503)]
        assert control.statuses(juan) == ["done"]

    def test_a_live_session_stays_as_it_is(self, control, juan):
        live = control.dial(juan)
        live.rate_limit, live.address_list = "50M/50M", "somebody's"
        refuse(control)
        probe(control)

        assert live.online and control.row(live).acctstoptime is None
        assert (live.rate_limit, live.address_list) == ("50M/50M", "somebody's")
        assert control.outcomes(juan) == [("probe", "acked", None)]

    @ON_SQLITE
    def test_a_fenced_session_keeps_its_fence_and_speed(self, control, juan):
        control.register(version=2, control=SessionControl.COA)
        service = control.hold(juan)
        control.follow()
        live = control.dial(service, fenced=True)
        live.address_list = "isp-suspended"
        refuse(control)
        probe(control)

        assert (live.rate_limit, live.address_list) == ("256k/256k", "isp-suspended")
        service = control.release(service)
        control.follow()
        assert live.address_list == "isp-active", "the probe was not taken for a fence that is lifted"

    @ON_SQLITE
    @pytest.mark.parametrize("cause", [401, 403, 404, 406, 501, 506])
    def test_another_refusal_changes_nothing(self, control, juan, cause):
        live = control.dial(juan)
        control.nas.faults.nak_coa_with = cause
        refuse(control)
        probe(control)
        assert control.row(live).acctstoptime is None
        assert control.outcomes(juan) == [("probe", "nacked", cause)]
        assert control.statuses(juan) == ["done"], "it is not asked again and again"

    @ON_SQLITE
    def test_no_answer_changes_nothing(self, control, juan):
        live = control.dial(juan)
        control.nas.faults.ignore_coa = True
        refuse(control)
        probe(control)
        assert control.row(live).acctstoptime is None
        assert control.outcomes(juan) == [("probe", "timed_out", None)]
        assert control.statuses(juan) == ["done"]

    @ON_SQLITE
    def test_each_session_is_probed_separately(self, control, juan):
        control.dial(juan)
        control.nas.hang_up("juan")
        live = control.dial(juan)
        refuse(control)
        probe(control)
        assert control.row(live).acctstoptime is None
        assert sorted(outcome for _, outcome, _ in control.outcomes(juan)) == ["acked", "nacked"]

    def test_a_session_written_by_freeradius_is_probed_too(self, control, juan):
        lost = control.dial(juan, service_id=None)
        control.nas.hang_up("juan")
        refuse(control)
        probe(control)
        assert control.row(lost).closed_on_evidence == "unknown-to-nas"

    def test_a_session_that_reports_after_a_503_is_not_disconnected(self, control, juan):
        live = control.dial(juan, framedipaddress="10.99.99.99")  # an id the router does not know
        refuse(control)
        probe(control)
        assert control.row(live).closed_on_evidence == "unknown-to-nas"
        control.clock.advance(minutes=5)
        control.amend(live, acctstoptime=None, closed_on_evidence=None, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 0

    def test_a_probe_is_shown_on_the_timeline(self, control, juan):
        control.dial(juan)
        refuse(control)
        probe(control)
        events = control.api.list_line_events([juan.id], 10)
        assert "probe" in [event.request.value for event in events if event.request]


class TestWhenAndHowOften:
    @pytest.mark.parametrize("reason", ["wrong_password", "suspended", None])
    def test_other_reasons_cause_no_probe(self, control, juan, reason):
        control.dial(juan)
        refuse(control, reason=reason)
        assert probe(control) == 0

    def test_an_unknown_login_causes_no_probe(self, control):
        refuse(control, "nobody")
        assert probe(control) == 0

    def test_an_old_refusal_causes_no_probe(self, control, juan):
        control.dial(juan)
        refuse(control)
        control.clock.advance(seconds=91)
        assert probe(control) == 0

    def test_a_login_is_probed_once_a_minute(self, control, juan):
        control.dial(juan)
        found = []
        for _ in range(9):  # three minutes
            refuse(control)
            found.append(probe(control))
            control.clock.advance(seconds=20)
        assert found == [1, 0, 0] * 3

    def test_after_five_probes_in_an_hour_every_ten_minutes(self, control, juan):
        """A login that two homes share is refused again and again."""
        control.dial(juan)
        asked = 0
        for _ in range(60):
            refuse(control)
            asked += probe(control)
            control.clock.advance(minutes=1)
        assert FEW_PROBES < asked <= FEW_PROBES + 6
        assert pause_before_probe(FEW_PROBES) == timedelta(minutes=10)

    def test_a_pending_change_of_the_service_prevents_a_probe(self, control, juan):
        control.dial(juan)
        control.nas.faults.ignore_coa = True
        control.hold(juan)
        refuse(control)
        assert probe(control) == 0

    def test_a_new_change_waits_only_for_the_probe(self, control, juan):
        live = control.dial(juan)
        refuse(control)
        with control.runtime.transaction() as session:
            probing.request_probes(session, now=control.runtime.now())
        control.hold(juan)
        control.follow()
        assert control.asked() == ["coa", "disconnect"]
        assert not live.online

    def test_the_number_of_pending_probes_is_limited(self, control, monkeypatch):
        monkeypatch.setattr(probing, "MAX_PENDING", 3)
        for number in range(5):
            control.dial(control.service(f"juan-{number}"))
            refuse(control, f"juan-{number}")
        with control.runtime.transaction() as session:
            assert probing.request_probes(session, now=control.runtime.now()) == 3
            session.flush()
            assert probing.request_probes(session, now=control.runtime.now()) == 0
        control.follow()
        assert probe(control) == 2

    def test_a_probe_does_not_make_a_stray_of_a_suspended_service(self, control):
        """A probe changes nothing, so no session was let in before it."""
        service = control.hold(control.service())
        control.follow()
        with control.runtime.transaction() as session:
            session.execute(delete(SessionChange))
        control.dial(service)
        refuse(control)
        probe(control)
        assert control.look_for_strays() == 0

    def test_only_one_dispatcher_requests_the_probe(self, control, juan):
        control.dial(juan)
        refuse(control)
        first, second = make_dispatcher(control.runtime), make_dispatcher(control.tested.another())
        second._holder = "second"
        first._find_refused()
        with control.runtime.transaction() as session:
            session.execute(
                update(SessionChange).values(authorized_at=control.runtime.now() - timedelta(hours=2))
            )
        control.follow()
        second._find_refused()
        second.shared.runtime.database.close()
        assert [change.kind for change in control.changes(juan)] == [ChangeKind.PROBE]


@ON_SQLITE
def test_metrics_have_the_name_of_the_router(control, juan):
    labels = ("probe", "acked", "router")
    before = asking.REQUESTS.labels(*labels)._value.get()
    retries = asking.RETRIES.labels("probe", "router")._value.get()
    control.nas.faults.coa_replies_to_lose = 1
    control.dial(juan)
    refuse(control)
    probe(control)
    assert asking.REQUESTS.labels(*labels)._value.get() == before + 1
    assert asking.RETRIES.labels("probe", "router")._value.get() == retries + 1
