import time

import eventlet
from servicekit.bell import Bell


def test_a_ring_wakes_the_sleeper_at_once():
    bell = Bell()
    eventlet.spawn_after(0.02, bell.ring)
    started = time.monotonic()

    assert bell.wait(5) is True
    assert time.monotonic() - started < 1


def test_without_a_ring_the_time_runs_out():
    assert Bell().wait(0.01) is False


def test_a_ring_before_the_wait_is_not_lost_and_counts_once():
    bell = Bell()
    bell.ring()
    bell.ring()

    assert bell.wait(1) is True
    assert bell.wait(0.01) is False


def test_a_ring_in_the_turn_in_which_the_time_runs_out_is_not_lost():
    bell = Bell()

    def ring_late():
        time_is_over = time.monotonic() + 0.02
        eventlet.sleep(0.015)
        while time.monotonic() < time_is_over + 0.01:
            pass  # let the timer become due before the hub can look
        bell.ring()

    eventlet.spawn(ring_late)
    assert bell.wait(0.02) is True


def test_a_time_out_around_the_wait_goes_through():
    with eventlet.Timeout(0.01, False):
        Bell().wait(5)
        raise AssertionError("the outer time-out was swallowed")
