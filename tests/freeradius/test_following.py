"""Sessions recorded by FreeRADIUS follow changes of their service, like those of our listener."""

from __future__ import annotations

from tests.support.checks import assert_fenced, assert_up
from tests.support.isp import PLAN_RATE, SECONDS, Isp
from tests.support.waiting import wait_for


def test_hold_fences_the_live_session_and_its_release_restores_it(isp: Isp) -> None:
    maria = isp.connect("Maria Santos")
    session = maria.session
    assert session.rate_limit == PLAN_RATE

    hold = maria.hold("abuse", note="open relay")

    assert_fenced(maria, reasons={"abuse"})
    assert session.ended_by == "Admin-Reset"
    assert [(exchange.kind, exchange.acknowledged) for exchange in isp.nas.coa_exchanges] == [
        ("disconnect", True)
    ]
    assert [(a["kind"], a["outcome"]) for a in maria.attempts()] == [("disconnect", "acked")]

    maria.wait_known_online()
    maria.release(hold)
    assert_up(maria)
    assert maria.wait_reconnected()["how"] == "redial"


def test_new_speed_of_a_plan_reaches_the_live_session_by_coa(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    session = juan.session

    isp.api.patch(f"/plans/{isp.plan['id']}", download_kbps=100_000)

    assert juan.wait_rate("50M/100M") is session


def test_session_accepted_just_before_the_suspension_is_fenced(isp: Isp) -> None:
    """Its Start comes after the suspension. The row must name the service, or no one would check it."""
    pedro = isp.connect("Pedro Reyes")
    isp.nas.faults.lose_accounting = True
    isp.nas.hang_up(pedro.username)
    wait_for("it was let in again", lambda: pedro.home.session)
    pedro.hold()
    assert pedro.session.address_list is None

    isp.nas.faults.lose_accounting = False
    isp.nas.send_interims()

    pedro.home.wait_fenced(25)


def test_counters_are_from_the_subscribers_point_of_view(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz")
    isp.nas.pass_traffic(juan.username, upload_octets=1_000, download_octets=2_000)
    isp.nas.send_interims()
    isp.nas.wait_reported(SECONDS)

    session = juan.wait_known_online()
    assert (session["input_octets"], session["output_octets"]) == (1_000, 2_000)
