"""Strays: live sessions that did not follow their service."""

from __future__ import annotations

from datetime import timedelta

from contracts.router import SessionControl
from radius_svc.models import ChangeKind

from .conftest import make_dispatcher


def test_a_session_that_followed_is_not_a_stray(control):
    service = control.service()
    live = control.dial(service)
    service = control.hold(service)
    control.follow()
    control.stop(live)
    again = control.dial(service, fenced=True)
    control.clock.advance(minutes=5)
    control.amend(again, acctupdatetime=control.runtime.now())
    assert control.look_for_strays() == 0


def test_a_fenced_session_of_an_active_service_is_a_stray(control):
    service = control.release(control.hold(control.service()))
    control.follow()
    live = control.dial(service, fenced=True)

    assert control.look_for_strays() == 1
    assert control.look_for_strays() == 0, "it is being asked"
    control.follow()
    assert not live.online


def test_a_session_whose_fence_a_coa_lifted_is_not_a_stray(control):
    control.register(version=2, control=SessionControl.COA)
    service = control.hold(control.service())
    control.follow()
    control.dial(service, fenced=True)
    service = control.release(service)
    control.follow()
    control.clock.advance(minutes=5)
    assert control.asked() == ["coa"]
    assert control.look_for_strays() == 0


def test_an_interim_after_the_acknowledgement_makes_a_stray(control):
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


def test_a_router_that_only_acknowledges_is_asked_once_per_interim(control):
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


def test_a_session_the_router_denied_may_turn_out_alive(control):
    """Error-Cause 503 closes it. An interim report reopens it and shows that it did not follow."""
    service = control.service()
    live = control.dial(service, framedipaddress="10.99.99.99")  # an id the router does not know
    control.hold(service)
    control.follow()
    assert control.row(live).closed_on_evidence == "unknown-to-nas"
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


def test_a_router_without_class_does_not_cause_endless_disconnects(control):
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


def test_a_session_let_in_just_before_its_suspension_is_a_stray(control):
    service = control.hold(control.service())
    control.follow()
    live = control.dial(service)  # its Start came a moment after
    assert control.look_for_strays() == 1
    control.follow()
    assert not live.online


def test_strays_are_found_among_many_disconnected_sessions(control):
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


def test_two_replicas_request_only_one_change(control):
    service = control.release(control.hold(control.service()))
    control.follow()
    control.dial(service, fenced=True)
    first, second = make_dispatcher(control.runtime), make_dispatcher(control.tested.another())
    second._holder = "second"
    first._find_strays()
    second._find_strays()
    second.shared.runtime.database.close()
    assert [change.kind for change in control.changes(service)][2:] == [ChangeKind.AUTHORIZATION]
