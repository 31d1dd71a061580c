"""Which requests live sessions get: a CoA or a disconnect."""

from __future__ import annotations

import pytest
from contracts.billing_settings import SuspensionMode
from contracts.router import SessionControl

from .conftest import ON_SQLITE

pytestmark = ON_SQLITE


def test_a_suspension_is_a_disconnect(control):
    service = control.service()
    live = control.dial(service)
    service = control.hold(service)
    control.follow()

    assert control.outcomes(service) == [("disconnect", "acked", None)]
    assert not live.online
    assert control.statuses(service) == ["done"]


def test_a_coa_suspends_by_one_list_and_restores_by_another(control):
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


def test_a_refused_coa_is_followed_by_a_disconnect(control):
    control.register(version=2, control=SessionControl.COA)
    control.nas.faults.nak_coa_with = 401
    service = control.service()
    control.dial(service)
    control.hold(service)
    control.follow()

    assert control.outcomes(service) == [("coa", "nacked", 401), ("disconnect", "nacked", 401)]
    assert control.statuses(service) == ["pending"]


@pytest.mark.parametrize("how", ["kick", "terminate", "block", "rename", "address"])
def test_changes_a_coa_cannot_express_are_disconnects(control, how):
    control.register(version=2, control=SessionControl.COA)
    service = control.service()
    live = control.dial(service)
    if how == "kick":
        control.kick(service)
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


def test_a_new_speed_is_a_coa(control):
    service = control.service()
    live = control.dial(service)
    control.change_plan(download_kbps=100_000)
    control.follow()
    assert control.asked() == ["coa"]
    assert live.rate_limit == "50M/100M"


def test_a_new_speed_ends_a_session_that_is_still_fenced(control):
    """A router that only sets the speed also acknowledges the CoA, so the fence would look lifted."""
    service = control.release(control.hold(control.service()))
    control.follow()
    live = control.dial(service, fenced=True)
    control.change_plan(download_kbps=100_000)
    control.follow()

    assert control.asked() == ["disconnect"]
    assert not live.online
