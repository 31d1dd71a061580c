import time

import eventlet
from servicekit.bell import Bell


def test_ringing_wakes_the_waiting_greenthread_at_once():
    bell = Bell()
    eventlet.spawn_after(0.02, bell.ring)
    started = time.monotonic()

    assert bell.wait(5) is True
    assert time.monotonic() - started < 1


def test_waiting_ends_after_the_given_time():
    assert Bell().wait(0.01) is False


def test_ring_before_the_wait_is_not_lost_and_counts_once():
    bell = Bell()
    bell.ring()
    bell.ring()

    assert bell.wait(1) is True
    assert bell.wait(0.01) is False


def test_ring_at_the_moment_the_time_is_over_is_not_lost():
    bell = Bell()

    def ring_late():
        time_is_over = time.monotonic() + 0.02
        eventlet.sleep(0.015)
        while time.monotonic() < time_is_over + 0.01:
            pass  # let the timer become due before the hub can look
        bell.ring()

    eventlet.spawn(ring_late)
    assert bell.wait(0.02) is True


def test_timeout_around_the_wait_is_passed_on():
    with eventlet.Timeout(0.01, False):
        Bell().wait(5)
        raise AssertionError("the outer time-out was swallowed")
