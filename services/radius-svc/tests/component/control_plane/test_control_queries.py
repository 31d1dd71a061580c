"""Queries of the control plane: states, reconnects, routers; and disconnecting a service."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import eventlet
import pytest
from contracts.common import NotFound
from contracts.radius import DisconnectService, NasHealth, RequestKind, RequestOutcome
from contracts.router import SessionControl
from radius_svc import jobs
from radius_svc.models import Nas, RadiusAccount, Reconnect
from radius_svc.protocol import coa
from radius_svc.queries import listeners
from radius_svc.usecases import disconnects
from radius_svc.usecases.following import rounds
from radius_svc.usecases.following.asking import follow_change
from servicekit.ids import new_id
from sqlalchemy import event, select, update

from .conftest import ON_SQLITE

RPC_DEADLINE_SECONDS = 10.0


def provisioned(control, service):
    (state,) = control.api.list_service_states([service.id])
    return state.provisioned


def note_reconnects(control, *, lately=True):
    jobs.note_reconnects(control.runtime, lately=lately)


def noted(control):
    """The usernames of the reconnects stored as back online."""
    query = select(RadiusAccount.username).join(Reconnect, Reconnect.service_id == RadiusAccount.service_id)
    with control.runtime.reading() as session:
        return set(session.scalars(query.where(Reconnect.online_at.is_not(None))))


def seq_of(control, service):
    with control.runtime.reading() as session:
        return session.get_one(RadiusAccount, service.id).changed_seq


class TestServiceStates:
    def test_a_service_is_provisioned_once_all_listeners_have_read_it(self, control):
        service = control.service()
        seq = seq_of(control, service)
        control.listener(seq, name="quick")
        control.listener(seq - 1, name="slow")
        assert not provisioned(control, service)
        control.listener(seq, name="slow")
        assert provisioned(control, service)

    def test_a_dead_listener_does_not_delay_provisioning(self, control):
        service = control.service()
        seq = seq_of(control, service)
        control.listener(seq, name="lives")
        control.listener(0, heard_at=datetime.now(UTC) - timedelta(seconds=11), name="died")
        assert provisioned(control, service)

    def test_states_show_versions_sessions_and_unknown_services(self, control):
        service = control.change(control.service(), static_ip="10.9.9.9")
        live = control.dial(service)
        known, unknown = control.api.list_service_states([service.id, "nobody"])
        assert (known.version, known.provisioned) == (2, True)
        assert known.session is not None
        assert known.session.acct_session_id == live.acct_session_id
        assert (unknown.version, unknown.provisioned, unknown.session) == (0, False, None)

    def test_health_of_the_listener(self, control):
        def health():
            with control.runtime.reading() as session:
                return listeners.health(session)

        assert health() == "no RADIUS listener has been started"
        control.listener(0, heard_at=datetime.now(UTC) - timedelta(seconds=11))
        assert health().startswith("no sign of life since")
        control.listener(0, name="another")
        assert health() == "ok"


class TestReconnects:
    def fenced(self, control, **row):
        service = control.service()
        control.dial(service)
        service = control.hold(service)
        control.follow()
        for live in control.nas.sessions("juan"):
            control.nas.hang_up(live.username)
        live = control.dial(service, fenced=True, **row)
        control.clock.advance(minutes=1)
        return service, live

    def test_time_runs_from_the_payment_to_the_redial(self, control):
        service, live = self.fenced(control)
        paid_at, payment_id = control.runtime.now(), new_id()
        control.clock.advance(seconds=1)
        service = control.release(service, paid_at=paid_at, payment_id=payment_id)
        assert control.reconnects(service)[0].online_at is None
        control.follow()
        control.stop(live)
        acked_at = control.runtime.now()
        control.clock.advance(seconds=2)
        control.dial(service)

        (case,) = control.reconnects(service)
        assert (case.payment_id, case.paid_at) == (payment_id, paid_at)
        assert case.router_acked_at == acked_at
        assert (case.milliseconds, case.how) == (3000, "redial")

    def test_without_a_payment_time_runs_from_the_release(self, control):
        service, _live = self.fenced(control)
        service = control.release(service)
        control.clock.advance(seconds=2)
        control.dial(service)
        (case,) = control.reconnects(service)
        assert (case.paid_at, case.milliseconds) == (None, 2000)

    def test_a_session_that_is_still_fenced_is_not_a_reconnect(self, control):
        service, _live = self.fenced(control)
        service = control.release(service)
        control.clock.advance(seconds=1)
        control.dial(service, fenced=True)
        assert control.reconnects(service)[0].online_at is None
        control.dial(service)
        assert control.reconnects(service)[0].milliseconds == 2000

    def test_a_redial_before_the_answer_is_stored_counts(self, control):
        service, live = self.fenced(control)
        service = control.release(service)
        (change_id,) = control.due()
        control.stop(live)
        control.dial(service)  # the old session is gone, and the home router was faster
        back_at = control.runtime.now() - timedelta(seconds=1)
        follow_change(control.runtime, change_id)
        (case,) = control.reconnects(service)
        assert case.online_at == back_at
        assert case.router_acked_at is None or case.router_acked_at <= back_at

    def test_with_a_coa_the_service_is_back_at_the_acknowledgement(self, control):
        control.register(version=2, control=SessionControl.COA)
        service, live = self.fenced(control)
        service = control.release(service)
        control.clock.advance(seconds=1)
        control.follow()
        (case,) = control.reconnects(service)
        assert live.online
        assert (case.milliseconds, case.how) == (1000, "coa")

    def test_two_reconnects_of_a_service_have_their_own_times(self, control):
        service, live = self.fenced(control)
        for seconds in (2, 5):
            service = control.release(service)
            control.follow()
            control.stop(live)
            control.clock.advance(seconds=seconds)
            free = control.dial(service)
            control.clock.advance(minutes=1)
            service = control.hold(service)
            control.follow()
            control.stop(free)
            live = control.dial(service, fenced=True)
            control.clock.advance(minutes=1)
        assert [case.milliseconds for case in control.reconnects(service)] == [5000, 2000]

    def test_a_missed_reconnect_does_not_get_the_time_of_the_next(self, control):
        service, live = self.fenced(control)
        service = control.hold(control.release(service))
        control.follow()
        control.stop(live)
        control.clock.advance(minutes=1)
        service = control.release(service)
        control.clock.advance(seconds=2)
        control.dial(service)
        assert [case.milliseconds for case in control.reconnects(service)] == [2000, None]

    def test_a_reconnect_looks_the_same_before_and_after_it_is_stored(self, control):
        """A case looks the same before and after the job."""
        control.register(version=2, control=SessionControl.COA)
        for username in ("coa", "redial", "waits"):
            service = control.hold(control.service(username))
            control.follow()
            live = control.dial(service, fenced=True)
            service = control.release(service, paid_at=control.runtime.now(), payment_id=new_id())
            control.clock.advance(seconds=1)
            if username == "redial":
                control.stop(live)
                control.dial(service)
            if username == "coa":
                control.follow()
        shown = control.reconnects()
        assert [(case.username, case.how) for case in shown] == [
            ("waits", None),
            ("redial", "redial"),
            ("coa", "coa"),
        ]
        note_reconnects(control)
        assert noted(control) == {"coa", "redial"}
        assert control.reconnects() == shown

    def test_a_coa_faster_than_the_redial_counts_although_stored_later(self, control):
        control.register(version=2, control=SessionControl.COA)
        service, _live = self.fenced(control)
        service = control.release(service)
        (change_id,) = control.due()
        with control.runtime.reading() as session:
            work = rounds.load_work(session, change_id)
        acked_at = control.runtime.now()
        control.clock.advance(seconds=1)
        control.dial(service)
        note_reconnects(control)
        assert control.reconnects(service)[0].how == "redial"
        acked = coa.CoaResult(RequestOutcome.ACKED, None, "", acked_at, acked_at)
        with control.runtime.transaction() as session:
            answers = [(RequestKind.COA, acked)]
            rounds.finish_round(session, work, answers, now=control.runtime.now())
        note_reconnects(control)
        (case,) = control.reconnects(service)
        assert (case.how, case.online_at) == ("coa", acked_at)

    def test_reconnects_are_listed_with_a_constant_number_of_queries(self, control):
        def asked(cases):
            while len(control.reconnects()) < cases:
                control.release(control.hold(control.service(f"user{len(control.reconnects())}")))
            questions = []
            listener = lambda *_: questions.append(1)  # noqa: E731
            event.listen(control.runtime.database.engine, "before_cursor_execute", listener)
            control.reconnects()
            event.remove(control.runtime.database.engine, "before_cursor_execute", listener)
            return len(questions)

        assert asked(1) == asked(5)

    def test_statistics_contain_services_that_were_paid_for(self, control):
        def case(username, seconds, **payment):
            service = control.hold(control.service(username))
            service = control.release(service, **payment)
            if seconds is not None:
                control.clock.advance(seconds=seconds)
                control.dial(service)

        def paid():
            return {"paid_at": control.runtime.now(), "payment_id": new_id()}

        case("long.ago", 1, **paid())
        control.clock.advance(days=8)
        case("waived", 40)
        case("quick", 1, **paid())
        case("slow", 20, **paid())
        case("away", None, **paid())
        note_reconnects(control, lately=False)
        times = control.api.get_reconnect_times(7)
        assert (times.days, times.cases, times.waiting) == (7, 3, 1)
        assert (times.median_milliseconds, times.slowest_milliseconds) == (1_000, 20_000)
        assert [b.up_to_milliseconds for b in times.buckets if b.cases] == [1_000, 30_000]
        assert control.api.get_reconnect_times(9).cases == 4
        assert control.api.get_reconnect_times(10_000).days == 366

    def test_reconnects_of_old_releases_are_stored_too(self, control):
        service = control.release(control.hold(control.service()))
        control.clock.advance(hours=2)
        control.dial(service)
        note_reconnects(control)
        assert noted(control) == set()
        note_reconnects(control, lately=False)
        assert noted(control) == {"juan"}


class TestNasActivity:
    @ON_SQLITE
    @pytest.mark.parametrize(
        ("minutes_ago", "health"),
        [(None, NasHealth.NEVER_HEARD), (14, NasHealth.CONNECTED), (16, NasHealth.SILENT)],
    )
    def test_health_depends_on_the_last_packet(self, control, minutes_ago, health):
        heard_at = None
        if minutes_ago is not None:
            heard_at = control.runtime.now() - timedelta(minutes=minutes_ago)
        with control.runtime.transaction() as session:
            session.execute(update(Nas).values(last_heard_at=heard_at))
        control.stop(control.dial(service := control.service()))
        control.dial(service)

        control.register(version=3)
        (activity,) = control.api.list_nas_activity(["router", "unknown"])
        assert activity.version == 3
        assert (activity.health, activity.last_heard_at, activity.open_sessions) == (health, heard_at, 1)

    @ON_SQLITE
    @pytest.mark.parametrize(
        ("heard", "mismatch", "shown", "also_well_signed"),
        [
            (None, None, False, False),
            (0, None, False, False),
            (None, 0, True, False),
            (None, 60 * 24, True, False),  # nothing else has come since
            (10, 0, True, False),
            (2, 0, True, False),
            (1, 0, True, True),  # both are written once a minute, so their order is unknown
            (0, 0, True, True),
            (0, 1, True, True),
            (0, 6, True, True),  # a second sender is seen with every interim report
            (0, 7, False, False),
            (60 * 24, 60 * 24 + 7, False, False),
        ],
    )
    def test_a_wrong_secret_is_reported(self, control, heard, mismatch, shown, also_well_signed):
        now = control.runtime.now()
        instants = [None if ago is None else now - timedelta(minutes=ago) for ago in (heard, mismatch)]
        with control.runtime.transaction() as session:
            session.execute(
                update(Nas).values(last_heard_at=instants[0], last_secret_mismatch_at=instants[1])
            )
        (activity,) = control.api.list_nas_activity(["router"])
        assert activity.secret_mismatch_at == (instants[1] if shown else None)
        assert activity.also_well_signed is also_well_signed


class TestKick:
    @pytest.fixture(autouse=True)
    def _dispatched(self, control):
        """Run the dispatcher in a greenthread."""

        def run():
            while True:
                control.follow()
                eventlet.sleep(0.02)

        worker = eventlet.spawn(run)
        yield
        worker.kill()

    def kick(self, control, service):
        return control.api.disconnect_service(DisconnectService(service_id=service.id))

    def test_an_unknown_service_is_not_found(self, control):
        with pytest.raises(NotFound):
            self.kick(control, control.snapshot())

    def test_a_service_without_sessions_counts_as_disconnected(self, control):
        result = self.kick(control, control.service())
        assert (result.sessions, result.disconnected, result.attempts) == (0, True, [])

    def test_a_session_is_disconnected(self, control):
        live = control.dial(service := control.service())
        result = self.kick(control, service)
        assert (result.sessions, result.disconnected, len(result.attempts)) == (1, True, 1)
        assert not live.online

    def test_without_an_answer_the_service_is_not_disconnected(self, control):
        control.nas.faults.ignore_coa = True
        control.dial(service := control.service())
        result = self.kick(control, service)
        assert (result.sessions, result.disconnected) == (1, False)
        assert [attempt.outcome.value for attempt in result.attempts] == ["timed_out"]

    def test_it_does_not_wait_for_the_pause_of_another_change(self, control):
        control.nas.faults.ignore_coa = True
        live = control.dial(service := control.service())
        service = control.hold(service)
        eventlet.sleep(0.3)
        control.nas.faults.ignore_coa = False
        result = self.kick(control, service)
        assert result.disconnected
        assert not live.online

    def test_it_answers_before_its_caller_gives_up(self, control, monkeypatch):
        assert disconnects.MAX_WAIT_SECONDS <= RPC_DEADLINE_SECONDS - 1
        monkeypatch.setattr(disconnects, "MAX_WAIT_SECONDS", 0.2)
        monkeypatch.setattr("radius_svc.protocol.coa.WAITS_SECONDS", (3.0,))
        control.nas.faults.ignore_coa = True
        control.dial(service := control.service())
        began = time.monotonic()
        result = self.kick(control, service)
        assert time.monotonic() - began < 2
        assert not result.disconnected
