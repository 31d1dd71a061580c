"""Live sessions follow their service: which ones, which requests in which order, and the outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from contracts.billing_settings import SuspensionMode
from contracts.radius import RequestKind, RequestOutcome
from contracts.router import SessionControl
from radius_svc.dispatcher import SessionChangeDispatcher
from radius_svc.domain.change_rules import MAX_ROUNDS
from radius_svc.models import ChangeKind, RadAcct, SessionChange
from radius_svc.protocol import coa
from radius_svc.protocol.packet import (
    ACCT_SESSION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    USER_NAME,
    Request,
    readable,
)
from radius_svc.usecases import provisioning
from radius_svc.usecases.following import asking, changes, rounds
from radius_svc.usecases.following.asking import _attributes, follow_change
from sqlalchemy import select, update
from testkit.component import while_held


def kick(control, service):
    with control.runtime.transaction() as session:
        changes.request_kick(session, service.id, now=control.runtime.now())


def row_of(control, live):
    with control.runtime.reading() as session:
        return session.scalars(select(RadAcct).where(RadAcct.acctsessionid == live.acct_session_id)).one()


def outcomes(control, service):
    return [(a.kind.value, a.outcome.value, a.error_cause) for a in control.attempts(service)]


class TestRequests:
    def test_a_suspension_is_a_disconnect(self, control):
        service = control.service()
        live = control.dial(service)
        service = control.hold(service)
        control.follow()

        assert outcomes(control, service) == [("disconnect", "acked", None)]
        assert not live.online
        assert control.statuses(service) == ["done"]

    def test_a_coa_suspends_by_one_list_and_restores_by_another(self, control):
        control.register(version=2, control=SessionControl.COA)
        service = control.service()
        live = control.dial(service)
        service = control.hold(service)
        control.follow()
        assert (live.address_list, live.rate_limit) == ("isp-suspended", "256k/256k")

        control.clock.advance(seconds=1)
        control.release(service)
        control.follow()

        assert (live.address_list, live.rate_limit) == ("isp-active", "50M/50M")
        assert live.online
        assert control.asked() == ["coa", "coa"]

    def test_a_refused_coa_is_followed_by_a_disconnect(self, control):
        control.register(version=2, control=SessionControl.COA)
        control.nas.faults.nak_coa_with = 401
        service = control.service()
        control.dial(service)
        control.hold(service)
        control.follow()

        assert outcomes(control, service) == [("coa", "nacked", 401), ("disconnect", "nacked", 401)]
        assert control.statuses(service) == ["pending"]

    @pytest.mark.parametrize("how", ["kick", "terminate", "block", "rename", "address"])
    def test_changes_a_coa_cannot_express_are_disconnects(self, control, how):
        control.register(version=2, control=SessionControl.COA)
        service = control.service()
        live = control.dial(service)
        if how == "kick":
            kick(control, service)
        elif how == "terminate":
            control.terminate(service)
        elif how == "block":
            control.settings(SuspensionMode.BLOCK, version=2)
            control.hold(service)
        elif how == "rename":
            control.change(service, pppoe_username="juan2")
        else:
            control.change(service, static_ip="10.9.9.9")
        control.follow()

        assert control.asked() == ["disconnect"]
        assert not live.online

    def test_a_new_speed_is_a_coa(self, control):
        service = control.service()
        live = control.dial(service)
        control.change_plan(download_kbps=100_000)
        control.follow()
        assert control.asked() == ["coa"]
        assert live.rate_limit == "50M/100M"

    def test_a_new_speed_ends_a_session_that_is_still_fenced(self, control):
        """A router that only sets the speed also acknowledges the CoA, so the fence would look lifted."""
        service = control.release(control.hold(control.service()))
        control.follow()
        live = control.dial(service, fenced=True)
        control.change_plan(download_kbps=100_000)
        control.follow()

        assert control.asked() == ["disconnect"]
        assert not live.online

    def test_a_name_beyond_ascii_reaches_the_router_unchanged(self, control):
        service = control.service("josé-ñandú")
        live = control.dial(service)
        kick(control, service)
        control.follow()
        assert not live.online

    @pytest.mark.parametrize(
        "odd",
        [
            {"username": "x" * 254},
            {"acctsessionid": "9" * 300},
            {"nasipaddress": "2001:db8::1"},
            {"nasipaddress": "::ffff:10.0.0.1"},
        ],
    )
    def test_invalid_rows_do_not_stop_the_other_sessions(self, control, odd):
        service = control.service()
        control.dial(service, **odd)
        other = control.dial(service)
        control.hold(service)
        control.follow()

        assert not other.online
        (change,) = control.changes(service)
        assert change.status.value == "done" or change.rounds == 1


class TestIdentity:
    """A session is identified by the attributes its NAS sent (RFC 5176 section 3)."""

    @pytest.mark.parametrize(
        ("name", "session_id"),
        [
            (b"juan", b"8100001B"),
            (b"juan", b"%lX6b02939c%hX"),  # pppd's radius plugin
            ("josé".encode(), b"\\xff"),
            (b"caf\xe9", b"\xff\0\\x00"),
        ],
    )
    def test_names_go_back_octet_for_octet(self, control, name, session_id):
        service = control.service()
        control.dial(service, username=readable(name), acctsessionid=readable(session_id))
        kick(control, service)
        packet = request_of(control)
        assert (packet.attributes[USER_NAME], packet.attributes[ACCT_SESSION_ID]) == (name, session_id)

    def test_the_reported_address_may_differ_from_the_source(self, control):
        service = control.service()
        control.dial(service, nasipaddress="192.168.88.1")
        kick(control, service)
        packet = request_of(control)
        assert packet.address(NAS_IP_ADDRESS) == "192.168.88.1"
        assert packet.address(FRAMED_IP_ADDRESS) == "10.64.0.1"

    def test_the_reported_address_may_be_ipv6(self, control):
        service = control.service()
        control.dial(service, nasipaddress="2001:db8::1")
        kick(control, service)
        packet = request_of(control)
        assert packet.address(NAS_IPV6_ADDRESS) == "2001:db8::1"
        assert NAS_IP_ADDRESS not in packet.attributes


def request_of(control) -> Request:
    """The packet of the next request."""
    (change_id,) = control.due()
    with control.runtime.reading() as session:
        work = rounds.load_work(session, change_id)
    (live,) = work.sessions
    return Request(coa._signed(coa.DISCONNECT_REQUEST, _attributes(live.requests[0], live), b"secret"))


class TestWhichSessions:
    def test_a_session_from_after_the_change_is_left_alone(self, control):
        service = control.hold(control.service())
        live = control.dial(service, fenced=True)
        control.follow()
        assert control.asked() == []
        assert live.online
        assert control.statuses(service) == ["done"]

    def test_a_session_let_in_fenced_just_before_its_restore_follows(self, control):
        service = control.hold(control.service())
        service = control.release(service)
        live = control.dial(service, fenced=True)
        control.follow()
        assert not live.online

    def test_all_sessions_of_the_service_follow_and_no_others(self, control):
        juan, ana = control.service(), control.service("ana")
        sessions = [control.dial(juan), control.dial(juan)]
        other = control.dial(ana)
        stopped = control.dial(juan)
        control.stop(stopped)
        control.hold(juan)
        control.follow()

        assert [live.online for live in sessions] == [False, False]
        assert other.online and stopped.online
        assert len(control.attempts(juan)) == 2

    def test_a_removed_router_keeps_the_change_pending(self, control):
        service = control.service()
        live = control.dial(service)
        control.deregister(version=2)
        service = control.hold(service)
        control.follow()
        assert control.statuses(service) == ["pending"]

        control.register(version=3)
        control.end_pauses()
        control.follow()
        assert control.statuses(service) == ["done"]
        assert not live.online

    def test_a_removed_router_does_not_delay_other_sessions(self, control):
        service = control.service()
        control.dial(service, router_id="gone")
        live = control.dial(service)
        control.hold(service)
        control.follow()
        assert not live.online


class TestOutcomes:
    def test_a_session_the_router_does_not_know_is_closed(self, control):
        service = control.service()
        live = control.dial(service)
        control.nas.hang_up("juan")
        control.hold(service)
        control.follow()

        assert outcomes(control, service) == [("disconnect", "nacked", 503)]
        row = row_of(control, live)
        assert row.acctstoptime == control.runtime.now()
        assert row.closed_on_evidence == "unknown-to-nas"
        assert control.statuses(service) == ["done"]

    def test_a_session_that_a_coa_does_not_find_is_closed(self, control):
        service = control.service()
        live = control.dial(service)
        control.nas.hang_up("juan")
        control.change_plan(download_kbps=100_000)
        control.follow()

        assert outcomes(control, service) == [("coa", "nacked", 503)]
        assert row_of(control, live).closed_on_evidence == "unknown-to-nas"

    @pytest.mark.parametrize("cause", [401, 402, 403, 404, 501, 506])
    def test_any_other_refusal_is_stored_and_retried(self, control, cause):
        control.nas.faults.nak_coa_with = cause
        service = control.service()
        live = control.dial(service)
        control.hold(service)
        control.follow()
        assert outcomes(control, service) == [("disconnect", "nacked", cause)]
        assert row_of(control, live).acctstoptime is None
        assert control.statuses(service) == ["pending"]

    def test_an_acknowledged_speed_is_in_force_on_the_router(self, control):
        """As far as RADIUS can tell: only its API would show that a router acknowledges without doing it."""
        service = control.service()
        live = control.dial(service)
        control.change_plan(download_kbps=100_000)
        control.follow()
        assert (outcomes(control, service), live.rate_limit) == ([("coa", "acked", None)], "50M/100M")
        assert live.online
        control.clock.advance(minutes=5)
        control.amend(live, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 0

    def test_a_silent_router_is_retried_with_growing_pauses(self, control):
        control.nas.faults.ignore_coa = True
        service = control.service()
        control.dial(service)
        control.hold(service)
        for seconds in (1, 2, 5):
            control.end_pauses()
            before = datetime.now(UTC)
            control.follow()
            (change,) = control.changes(service)
            assert before <= change.next_round_at - timedelta(seconds=seconds) <= datetime.now(UTC)
        assert outcomes(control, service) == [("disconnect", "timed_out", None)] * 3

        with control.runtime.transaction() as session:
            session.execute(update(SessionChange).values(rounds=MAX_ROUNDS))
        control.end_pauses()
        control.follow()
        assert control.statuses(service) == ["given_up"]

    def test_the_change_is_done_once_the_router_answers(self, control):
        control.nas.faults.ignore_coa = True
        service = control.service()
        live = control.dial(service)
        control.hold(service)
        control.follow()
        control.nas.faults.ignore_coa = False
        assert control.due() == []  # its pause is not over
        control.end_pauses()
        control.follow()
        assert not live.online
        assert control.statuses(service) == ["done"]

    def test_killed_between_answer_and_commit_the_request_is_repeated(self, control, monkeypatch):
        service = control.service()
        live = control.dial(service)
        control.hold(service)

        def killed(*_arguments, **_named):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(rounds, "record_attempt", killed)
            with pytest.raises(KeyboardInterrupt):
                control.follow()
        assert not live.online
        control.follow()

        assert outcomes(control, service) == [("disconnect", "nacked", 503)]
        assert control.statuses(service) == ["done"]

    def test_killed_before_the_request_nothing_is_lost(self, control, monkeypatch):
        service = control.service()
        live = control.dial(service)
        control.hold(service)

        def killed(*_arguments, **_named):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(coa, "send", killed)
            with pytest.raises(KeyboardInterrupt):
                control.follow()
        assert live.online
        control.follow()
        assert not live.online

    def test_a_late_round_does_not_reopen_a_finished_change(self, control):
        """A lease may expire during a round. Then two processes work on the same change."""
        service = control.service()
        control.dial(service)
        control.hold(service)
        (change_id,) = control.due()
        with control.runtime.reading() as session:
            late = rounds.load_work(session, change_id)
        control.follow()
        timed_out = coa.CoaResult(RequestOutcome.TIMED_OUT, None, "", control.runtime.now(), None)
        with control.runtime.transaction() as session:
            session.execute(update(SessionChange).values(rounds=MAX_ROUNDS))
        with control.runtime.transaction() as session:
            answers = [(RequestKind.DISCONNECT, timed_out)]
            rounds.finish_round(session, late, answers, now=control.runtime.now())

        assert control.statuses(service) == ["done"]


class TestOrder:
    def test_only_the_oldest_change_of_a_service_is_due(self, control):
        service = control.hold(control.service())
        service = control.release(service)
        other = control.hold(control.service("ana"))
        first, _second = control.changes(service)
        assert control.due() == [first.id, control.changes(other)[0].id]

    def test_a_change_in_progress_is_not_overtaken(self, control):
        service = control.service()
        control.dial(service)
        service = control.hold(service)
        (first,) = control.due()
        with control.runtime.reading() as session:
            work = rounds.load_work(session, first)  # the first dispatcher begins
        control.release(service)
        assert control.due() == [first]  # all that the second dispatcher could do
        with control.runtime.transaction() as session:
            rounds.finish_round(session, work, [], now=control.runtime.now())
        assert len(control.due()) == 1
        assert control.due() != [first]

    def test_a_restore_does_not_wait_for_a_dead_router(self, control):
        """Requests to a dead router are repeated for days. The restore must not wait for that."""
        service = control.service()
        control.dial(service, router_id="dead")
        control.register(version=1, router_id="dead", coa_port=9, nas_address="127.0.0.2")
        live = control.dial(service)
        service = control.hold(service)
        control.follow()
        assert not live.online
        control.stop(live)
        fenced = control.dial(service)  # its router does not return the Class
        control.clock.advance(seconds=1)
        service = control.release(service)

        control.follow()

        assert not fenced.online
        assert control.statuses(service) == ["given_up", "pending"]

    def test_a_pending_disconnect_gives_way_only_to_another_one(self, control):
        control.nas.faults.ignore_coa = True
        service = control.service()
        control.dial(service)
        kick(control, service)
        control.follow()
        service = control.hold(service)
        control.follow()
        assert control.statuses(service) == ["pending", "pending"]
        kick(control, service)
        control.follow()
        assert control.statuses(service) == ["given_up", "given_up", "pending"]

    def test_each_router_has_a_limited_share(self, control):
        control.register(version=1, router_id="other", nas_address="127.0.0.2")
        for number in range(3):
            control.dial(service := control.service(f"here-{number}"))
            control.hold(service)
        control.dial(there := control.service("there"), router_id="other")
        control.hold(there)
        with control.runtime.reading() as session:
            due = rounds.due_changes(session, per_router=2)
        assert len(due) == 3
        assert control.changes(there)[0].id in due

    def test_two_dispatchers_take_turns(self, control):
        """The second one works only after the first has released its lease, or the lease has expired."""
        control.dial(service := control.service())
        control.hold(service)
        first, second = (make_dispatcher(runtime) for runtime in (control.runtime, control.tested.another()))
        second._holder = "second"
        first._dispatch_due()
        second._dispatch_due()
        assert second._pool.running() == 0
        first.stop()
        second.stop()
        second.shared.runtime.database.close()
        assert control.statuses(service) == ["done"]
        assert control.asked() == ["disconnect"]

    @pytest.mark.parametrize("tested", ["postgresql"], indirect=True)  # SQLite has one writer
    def test_concurrent_changes_keep_their_order(self, control, tested):
        service = control.service()
        control.dial(service)
        held = replace(service, version=2, status=provisioning.ServiceStatus.SUSPENDED)
        free = replace(service, version=3)
        rival = tested.another()

        def keep(runtime, snapshot) -> None:
            with runtime.transaction() as session:
                provisioning.keep_service(session, snapshot, cipher=runtime.cipher, now=runtime.now())

        while_held(
            tested,
            lambda session: provisioning.keep_service(
                session, held, cipher=tested.runtime.cipher, now=tested.runtime.now()
            ),
            lambda: keep(rival.runtime, free),
        )
        rival.runtime.database.close()
        first, second = control.changes(service)
        assert first.authorized_seq < second.authorized_seq


def make_dispatcher(runtime) -> SessionChangeDispatcher:
    """A dispatcher that is not run by a container."""

    class Shared:
        pass

    class Container:
        def spawn_managed_thread(self, *_arguments, **_named):
            pass

    made = SessionChangeDispatcher()
    shared = Shared()
    shared.runtime = getattr(runtime, "runtime", runtime)
    made.shared, made.container = shared, Container()
    made.start()
    return made


class TestInForce:
    def test_requests_wait_until_the_listener_has_the_change(self, control, monkeypatch):
        service = control.service()
        control.dial(service)
        control.listener(applied_seq=0)
        service = control.hold(service)
        seen = []

        def sleep(seconds):
            seen.append(control.asked())
            control.listener(applied_seq=1_000)

        monkeypatch.setattr(asking.time, "sleep", sleep)
        (change_id,) = control.due()
        follow_change(control.runtime, change_id)
        assert seen == [[]]
        assert control.asked() == ["disconnect"]

    @pytest.mark.parametrize("silent", [True, False])
    def test_a_late_or_dead_listener_does_not_block_requests(self, control, monkeypatch, silent):
        monkeypatch.setattr(asking, "APPLIED_WITHIN_SECONDS", 0.1)
        heard_at = datetime.now(UTC) - timedelta(seconds=60 if silent else 0)
        control.listener(applied_seq=0, heard_at=heard_at)
        live = control.dial(service := control.service())
        control.hold(service)
        control.follow()
        assert not live.online


class TestStrays:
    def test_a_session_that_followed_is_not_a_stray(self, control):
        service = control.service()
        live = control.dial(service)
        service = control.hold(service)
        control.follow()
        control.stop(live)
        again = control.dial(service, fenced=True)
        control.clock.advance(minutes=5)
        control.amend(again, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 0

    def test_a_fenced_session_of_an_active_service_is_a_stray(self, control):
        service = control.release(control.hold(control.service()))
        control.follow()
        live = control.dial(service, fenced=True)

        assert control.look_for_strays() == 1
        assert control.look_for_strays() == 0, "it is being asked"
        control.follow()
        assert not live.online

    def test_a_session_whose_fence_a_coa_lifted_is_not_a_stray(self, control):
        control.register(version=2, control=SessionControl.COA)
        service = control.hold(control.service())
        control.follow()
        control.dial(service, fenced=True)
        service = control.release(service)
        control.follow()
        control.clock.advance(minutes=5)
        assert control.asked() == ["coa"]
        assert control.look_for_strays() == 0

    def test_an_interim_after_the_acknowledgement_makes_a_stray(self, control):
        control.nas.faults.acknowledge_but_ignore = True
        service = control.service()
        live = control.dial(service)
        control.hold(service)
        control.follow()
        control.amend(live, acctupdatetime=control.runtime.now() + timedelta(seconds=4))
        control.clock.advance(minutes=1)
        assert control.look_for_strays() == 0, "it was under way already"
        control.amend(live, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 1

    def test_a_router_that_only_acknowledges_is_asked_once_per_interim(self, control):
        control.nas.faults.acknowledge_but_ignore = True
        service = control.release(control.hold(control.service()))
        control.follow()
        live = control.dial(service, fenced=True)
        found = 0
        for _ in range(6):  # a minute
            found += control.look_for_strays()
            control.follow()
            control.clock.advance(seconds=10)
        assert found == 1
        control.amend(live, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 1

    def test_a_session_the_router_denied_may_turn_out_alive(self, control):
        """Error-Cause 503 closes it. An interim report reopens it and shows that it did not follow."""
        service = control.service()
        live = control.dial(service, framedipaddress="10.99.99.99")  # an id the router does not know
        control.hold(service)
        control.follow()
        assert row_of(control, live).closed_on_evidence == "unknown-to-nas"
        control.clock.advance(minutes=5)
        control.amend(
            live,
            acctstoptime=None,
            closed_on_evidence=None,
            acctupdatetime=control.runtime.now(),
            framedipaddress=live.framed_ip_address,
        )
        assert control.look_for_strays() == 1
        control.follow()
        assert not live.online

    def test_a_router_without_class_does_not_cause_endless_disconnects(self, control):
        service = control.service()
        live = control.dial(service)
        service = control.hold(service)
        kicks = 0
        for _ in range(60):  # for ten minutes; the home router dials again at once
            control.follow()
            if not live.online:
                kicks += 1
                control.stop(live)
                live = control.dial(service)
            control.clock.advance(seconds=9)
            control.look_for_strays()
        assert 1 <= kicks <= 5
        assert live.online
        assert control.look_for_strays() == 0

    def test_a_session_let_in_just_before_its_suspension_is_a_stray(self, control):
        service = control.hold(control.service())
        control.follow()
        live = control.dial(service)  # its Start came a moment after
        assert control.look_for_strays() == 1
        control.follow()
        assert not live.online

    def test_strays_are_found_among_many_disconnected_sessions(self, control):
        """Sessions whose Stop was lost after the acknowledgment stay open, but are not strays."""
        control.nas.faults.acknowledge_but_ignore = True
        service = control.release(control.hold(control.service()))
        control.follow()
        control.dial(service, fenced=True)
        lost = control.service("lost")
        control.dial(lost)
        control.hold(lost)
        control.follow()
        assert control.look_for_strays() == 1

    def test_two_replicas_request_only_one_change(self, control):
        service = control.release(control.hold(control.service()))
        control.follow()
        control.dial(service, fenced=True)
        first, second = make_dispatcher(control.runtime), make_dispatcher(control.tested.another())
        second._holder = "second"
        first._find_strays()
        second._find_strays()
        second.shared.runtime.database.close()
        assert [change.kind for change in control.changes(service)][2:] == [ChangeKind.AUTHORIZATION]
