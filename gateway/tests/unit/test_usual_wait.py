"""How long the gateway waits before it looks for the effect of a command."""

from __future__ import annotations

import pytest
from gateway.clients.usual_wait import UsualWait


def learned(*waits: tuple[float, int]) -> float:
    usual = UsualWait()
    for seconds, tries in waits:
        usual.learn(seconds, tries=tries)
    return usual.seconds


def test_first_wait_is_none():
    assert UsualWait().seconds == 0


def test_repeated_tries_make_the_next_wait_longer():
    assert learned(*[(0.1, 4)] * 30) == pytest.approx(0.1, rel=0.01)


def test_effect_at_the_first_try_makes_the_next_wait_shorter():
    assert learned(*[(0.1, 4)] * 30, *[(0.1, 1)] * 3) < 0.04


def test_slow_services_do_not_make_the_wait_longer_than_half_a_second():
    assert learned(*[(2.0, 20)] * 30) == 0.5
