"""What operators change, and its effect on live sessions: holds, plans, passwords, routers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from radius_svc.dispatcher import PER_ROUTER
from simulators.nas import Outcome

from tests.support.checks import assert_fenced, assert_reconnected, assert_refused, assert_up
from tests.support.deployment import NAS_SECRET
from tests.support.isp import PLAN_RATE, SECONDS, Isp, MakeIsp
from tests.support.waiting import wait_for


@pytest.fixture
def block_mode(isp: Isp) -> Iterator[None]:
    isp.api.patch("/settings/billing", suspension_mode="block")
    yield
    isp.api.patch("/settings/billing", suspension_mode="walled_garden")


def test_hold_fences_the_live_session_and_its_release_restores_it(isp: Isp) -> None:
    maria = isp.connect("Maria Santos")
    session = maria.session

    hold = maria.hold("abuse", note="open relay")
    assert_fenced(maria, reasons={"abuse"})
    assert session.ended_by == "Admin-Reset"

    maria.wait_known_online()
    maria.release(hold)
    assert_up(maria)


@pytest.mark.usefixtures("block_mode")
def test_suspended_login_is_refused_in_block_mode(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.let_fall_overdue(pedro)

    pedro.home.wait_rejected(SECONDS)
    assert pedro.service()["status"] == "suspended"

    pedro.pay(pedro.balance())
    assert_up(pedro)


def test_plan_speed_change_reaches_the_live_session_by_coa(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    session = juan.session

    isp.api.patch(f"/plans/{isp.plan['id']}", download_kbps=100_000)

    assert juan.wait_rate("50M/100M") is session
    assert [exchange.kind for exchange in isp.nas.coa_exchanges] == ["coa"]


def test_change_of_plan_reaches_the_live_session_by_coa(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    session = juan.session
    faster = isp.deployment.make_plan("Fiber 200 Mbps", price=300_000, kbps=200_000)

    juan.change(plan_id=faster["id"])

    assert juan.wait_rate("200M/200M") is session


def test_new_password_applies_from_the_next_dial(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    juan.change(pppoe_password="a new one")

    assert isp.dial(juan).outcome is Outcome.REJECTED
    assert isp.dial(juan, "a new one").outcome is Outcome.ACCEPTED


def test_disconnect_ends_the_live_session(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    session = juan.session

    result = juan.kick()

    assert result["disconnected"]
    assert [(a["kind"], a["outcome"]) for a in result["attempts"]] == [("disconnect", "acked")]
    assert session.ended_by == "Admin-Reset"
    assert_up(juan)


def test_router_set_to_coa_keeps_the_session_through_a_suspension(isp: Isp) -> None:
    isp.api.patch(f"/routers/{isp.router['id']}", session_control="coa")
    pedro = isp.connect("Pedro Reyes")
    session = pedro.session
    isp.let_fall_overdue(pedro)
    assert_fenced(pedro, reasons={"overdue"})

    pedro.pay(pedro.balance())

    assert_up(pedro)
    assert pedro.session is session
    case = pedro.wait_reconnected()
    assert_reconnected(case)
    assert case["how"] == "coa"


def test_terminated_service_is_disconnected_and_refused(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")

    isp.api.post(f"/services/{juan.service_id}/terminate")

    juan.home.wait_rejected(SECONDS)
    assert juan.service()["status"] == "terminated"


def test_static_address_is_assigned_and_can_be_removed(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False, static_ip="10.99.0.7")
    dial = isp.dial(juan)
    assert dial.session is not None and dial.session.framed_ip_address == "10.99.0.7"

    juan.change(static_ip=None)

    dial = isp.dial(juan)
    assert dial.session is not None and dial.session.framed_ip_address != "10.99.0.7"


def test_new_secret_of_a_router_applies_immediately(make_isp: MakeIsp) -> None:
    isp = make_isp(timeout_seconds=0.3, tries=1)
    juan = isp.connect("Juan dela Cruz", online=False)

    isp.api.patch(f"/routers/{isp.router['id']}", radius_secret="another-secret-0123456789")
    wait_for(
        "packets with the old secret are dropped",
        lambda: isp.dial(juan).outcome is Outcome.NO_ANSWER,
        seconds=2,
    )

    isp.api.patch(f"/routers/{isp.router['id']}", radius_secret=NAS_SECRET)
    wait_for(
        "packets with the new secret are answered",
        lambda: isp.dial(juan).outcome is Outcome.ACCEPTED,
        seconds=2,
    )


def test_disabled_router_gets_no_answer_until_enabled(make_isp: MakeIsp) -> None:
    isp = make_isp(timeout_seconds=0.3, tries=2)
    juan = isp.connect("Juan dela Cruz", online=False)

    isp.api.patch(f"/routers/{isp.router['id']}", status="disabled")
    wait_for("its packets are dropped", lambda: isp.dial(juan).outcome is Outcome.NO_ANSWER, seconds=2)

    isp.api.patch(f"/routers/{isp.router['id']}", status="online")
    wait_for("its packets are answered", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED, seconds=2)


def test_username_in_use_is_refused_and_names_its_subscriber(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    with assert_refused(422, "service.pppoe_username", "is already used by Juan dela Cruz"):
        isp.connect("Juan Impostor", username=juan.username, online=False)


def test_usernames_that_differ_in_case_are_different_logins(isp: Isp) -> None:
    small = isp.connect("Juan dela Cruz", online=False, password="small-pass")
    capital = isp.connect(
        "Juana dela Cruz", username=small.username.upper(), online=False, password="capital-pass"
    )

    assert isp.dial(small).outcome is Outcome.ACCEPTED
    assert isp.dial(capital).outcome is Outcome.ACCEPTED
    assert isp.dial(small, "capital-pass").outcome is Outcome.REJECTED


def test_ignored_disconnect_is_retried_until_it_is_answered(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.nas.faults.ignore_coa = True
    hold = pedro.hold()
    wait_for("the timeout is recorded", lambda: [a["outcome"] for a in pedro.attempts()] == ["timed_out"])
    assert pedro.session.address_list is None

    isp.nas.faults.ignore_coa = False

    assert_fenced(pedro, reasons={"admin"})
    wait_for("the answer is recorded", lambda: pedro.attempts()[-1]["outcome"] == "acked")
    pedro.wait_known_online()
    pedro.release(hold)
    assert_up(pedro)


def test_disconnect_is_repeated_if_the_session_continues(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.nas.faults.acknowledge_but_ignore = True
    pedro.hold()
    wait_for("the request was acknowledged", lambda: [a["outcome"] for a in pedro.attempts()] == ["acked"])
    assert pedro.session.address_list is None

    isp.nas.faults.acknowledge_but_ignore = False
    isp.api.put("/clock", advance_seconds=60)
    isp.nas.send_interims()  # reports that the session still exists

    pedro.home.wait_fenced(25)


def test_session_accepted_just_before_the_suspension_is_fenced(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.nas.faults.lose_accounting = True
    isp.nas.hang_up(pedro.username)
    wait_for("it is online again", lambda: pedro.home.session)
    pedro.hold()  # RADIUS does not know the running session yet
    assert pedro.session.address_list is None

    isp.nas.faults.lose_accounting = False
    isp.nas.send_interims()

    pedro.home.wait_fenced(25)


def test_session_whose_stop_was_lost_is_closed_by_the_next_start(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    lost = juan.wait_known_online()
    isp.nas.faults.lose_accounting = True
    isp.nas.hang_up(juan.username)
    wait_for("it has redialed", lambda: juan.home.session)
    isp.nas.faults.lose_accounting = False
    isp.nas.hang_up(juan.username)

    now = juan.wait_known_online()

    assert [session["id"] for session in juan.open_sessions()] == [now["id"]]
    assert now["id"] != lost["id"]


def test_session_unknown_to_the_router_is_closed_by_a_disconnect(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.dial(juan)
    wait_for("the session is known", juan.open_sessions)
    isp.nas.faults.lose_accounting = True
    isp.nas.hang_up(juan.username)

    result = juan.kick()

    assert result["disconnected"]
    assert [(a["outcome"], a["error_cause"]) for a in result["attempts"]] == [("nacked", 503)]
    assert juan.open_sessions() == []


def test_changes_of_a_session_are_applied_in_order(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.nas.faults.coa_delay_seconds = 0.1
    speeds = (60_000, 70_000, 80_000, 90_000)

    def change_speeds() -> None:
        with_own_connection = isp.api.another()
        for kbps in speeds:
            with_own_connection.patch(f"/plans/{isp.plan['id']}", download_kbps=kbps, upload_kbps=kbps)
        with_own_connection.close()

    for _ in range(2):
        office = threading.Thread(target=change_speeds)
        office.start()
        hold = pedro.hold()
        pedro.release(hold)
        hold = pedro.hold()
        office.join()
        assert_fenced(pedro, reasons={"admin"})
        pedro.wait_known_online()
        pedro.release(hold)
        assert_up(pedro, "90M/90M")
        isp.api.patch(f"/plans/{isp.plan['id']}", download_kbps=50_000, upload_kbps=50_000)
        assert_up(pedro, PLAN_RATE)


def test_silent_router_does_not_delay_other_routers(make_isp: MakeIsp) -> None:
    silent, well = make_isp(), make_isp()
    stuck = [silent.connect(f"Stuck {number}", online=False) for number in range(PER_ROUTER + 2)]
    for household in stuck:
        silent.dial(household)
    silent.nas.wait_reported(SECONDS)
    pedro = well.connect("Pedro Reyes")
    silent.nas.faults.ignore_coa = True
    silent.api.patch(f"/plans/{silent.plan['id']}", download_kbps=60_000)

    pedro.hold()

    pedro.home.wait_fenced(3)
