"""A login that has too many sessions: its router is asked whether they still live."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.router import SessionControl
from radius_svc.domain.change_rules import FEW_PROBES, pause_before_probe
from radius_svc.models import ChangeKind, RadAcct, RadPostAuth, SessionChange
from radius_svc.usecases.following import asking, probing
from sqlalchemy import delete, select, update

from .test_following import make_dispatcher


def refuse(control, username="juan", reason="too_many_sessions", **columns):
    """As the listener writes it down."""
    row = {
        "username": username,
        "reply": "Access-Reject",
        "authdate": control.runtime.now(),
        "reason": reason,
    }
    with control.runtime.transaction() as session:
        session.add(RadPostAuth(**row | columns))


def probe(control):
    """What the dispatcher does every two seconds, and the requests that come of it."""
    with control.runtime.transaction() as session:
        asked = probing.request_probes(session, now=control.runtime.now())
    control.follow()
    return asked


def row_of(control, live):
    with control.runtime.reading() as session:
        return session.scalars(select(RadAcct).where(RadAcct.acctsessionid == live.acct_session_id)).one()


def outcomes(control, service):
    return [(a.kind.value, a.outcome.value, a.error_cause) for a in control.attempts(service)]


@pytest.fixture
def juan(control):
    return control.service()


class TestAnswers:
    def test_a_session_the_router_does_not_know_is_closed_and_the_next_dial_let_in(self, control, juan):
        lost = control.dial(juan)
        control.nas.hang_up("juan")  # its Stop is lost
        refuse(control)
        assert probe(control) == 1

        row = row_of(control, lost)
        assert (row.closed_on_evidence, row.acctstoptime) == ("unknown-to-nas", control.runtime.now())
        assert outcomes(control, juan) == [("probe", "nacked", 503)]
        assert control.statuses(juan) == ["done"]

    def test_a_session_that_lives_stays_as_it_is(self, control, juan):
        live = control.dial(juan)
        live.rate_limit, live.address_list = "50M/50M", "somebody's"
        refuse(control)
        probe(control)

        assert live.online and row_of(control, live).acctstoptime is None
        assert (live.rate_limit, live.address_list) == ("50M/50M", "somebody's")
        assert outcomes(control, juan) == [("probe", "acked", None)]

    def test_a_fenced_session_keeps_the_speed_of_the_garden_and_its_fence(self, control, juan):
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

    @pytest.mark.parametrize("cause", [401, 403, 404, 406, 501, 506])
    def test_another_refusal_changes_nothing(self, control, juan, cause):
        live = control.dial(juan)
        control.nas.faults.nak_coa_with = cause
        refuse(control)
        probe(control)
        assert row_of(control, live).acctstoptime is None
        assert outcomes(control, juan) == [("probe", "nacked", cause)]
        assert control.statuses(juan) == ["done"], "it is not asked again and again"

    def test_silence_changes_nothing(self, control, juan):
        live = control.dial(juan)
        control.nas.faults.ignore_coa = True
        refuse(control)
        probe(control)
        assert row_of(control, live).acctstoptime is None
        assert outcomes(control, juan) == [("probe", "timed_out", None)]
        assert control.statuses(juan) == ["done"]

    def test_each_session_has_its_own_answer(self, control, juan):
        control.dial(juan)
        control.nas.hang_up("juan")
        live = control.dial(juan)
        refuse(control)
        probe(control)
        assert row_of(control, live).acctstoptime is None
        assert sorted(outcome for _, outcome, _ in outcomes(control, juan)) == ["acked", "nacked"]

    def test_a_session_freeradius_wrote_down_is_asked_too(self, control, juan):
        lost = control.dial(juan, service_id=None)
        control.nas.hang_up("juan")
        refuse(control)
        probe(control)
        assert row_of(control, lost).closed_on_evidence == "unknown-to-nas"

    def test_one_that_reports_after_it_was_denied_is_not_kicked(self, control, juan):
        live = control.dial(juan, framedipaddress="10.99.99.99")  # not what the router knows it by
        refuse(control)
        probe(control)
        assert row_of(control, live).closed_on_evidence == "unknown-to-nas"
        control.clock.advance(minutes=5)
        control.amend(live, acctstoptime=None, closed_on_evidence=None, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 0

    def test_it_is_shown_on_the_timeline(self, control, juan):
        control.dial(juan)
        refuse(control)
        probe(control)
        events = control.api.list_line_events([juan.id], 10)
        assert "probe" in [event.request.value for event in events if event.request]


class TestWhenAndHowOften:
    @pytest.mark.parametrize("reason", ["wrong_password", "suspended", None])
    def test_not_for_another_refusal(self, control, juan, reason):
        control.dial(juan)
        refuse(control, reason=reason)
        assert probe(control) == 0

    def test_not_for_a_login_nobody_has(self, control):
        refuse(control, "nobody")
        assert probe(control) == 0

    def test_not_for_one_refused_a_while_ago(self, control, juan):
        control.dial(juan)
        refuse(control)
        control.clock.advance(seconds=91)
        assert probe(control) == 0

    def test_once_a_minute(self, control, juan):
        control.dial(juan)
        found = []
        for _ in range(9):  # three minutes
            refuse(control)
            found.append(probe(control))
            control.clock.advance(seconds=20)
        assert found == [1, 0, 0] * 3

    def test_after_some_in_an_hour_every_ten_minutes(self, control, juan):
        """A login two homes share is refused for ever."""
        control.dial(juan)
        asked = 0
        for _ in range(60):
            refuse(control)
            asked += probe(control)
            control.clock.advance(minutes=1)
        assert FEW_PROBES < asked <= FEW_PROBES + 6
        assert pause_before_probe(FEW_PROBES) == timedelta(minutes=10)

    def test_not_while_a_change_of_the_service_is_waiting(self, control, juan):
        control.dial(juan)
        control.nas.faults.ignore_coa = True
        control.hold(juan)
        refuse(control)
        assert probe(control) == 0

    def test_a_change_that_comes_meanwhile_waits_for_the_probe_only(self, control, juan):
        live = control.dial(juan)
        refuse(control)
        with control.runtime.transaction() as session:
            probing.request_probes(session, now=control.runtime.now())
        control.hold(juan)
        control.follow()
        assert control.asked() == ["coa", "disconnect"]
        assert not live.online

    def test_few_at_once(self, control, monkeypatch):
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

    def test_a_service_that_was_suspended_at_once_has_no_stray_through_a_probe(self, control):
        """The probe is no change: nobody was let in before it."""
        service = control.hold(control.service())
        control.follow()
        with control.runtime.transaction() as session:
            session.execute(delete(SessionChange))
        control.dial(service)
        refuse(control)
        probe(control)
        assert control.look_for_strays() == 0

    def test_the_dispatcher_looks_by_itself_and_one_replica_asks(self, control, juan):
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


def test_the_figures_name_the_router(control, juan):
    labels = ("probe", "acked", "router")
    before = asking.REQUESTS.labels(*labels)._value.get()
    retries = asking.RETRIES.labels("probe", "router")._value.get()
    control.nas.faults.coa_replies_to_lose = 1
    control.dial(juan)
    refuse(control)
    probe(control)
    assert asking.REQUESTS.labels(*labels)._value.get() == before + 1
    assert asking.RETRIES.labels("probe", "router")._value.get() == retries + 1
