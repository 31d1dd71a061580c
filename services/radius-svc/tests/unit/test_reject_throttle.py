from __future__ import annotations

from radius_svc.listener.authentication.reject_throttle import (
    MAX_PROMPT_REJECTS,
    WINDOW_SECONDS,
    DelayQueue,
    RejectCounter,
)


def storms(counter: RejectCounter, who: str, times: int, now: float = 1000.0) -> list[bool]:
    return [counter.is_storm(who, now) for _ in range(times)]


def test_the_first_few_rejects_are_not_delayed():
    assert storms(RejectCounter(), "juan", MAX_PROMPT_REJECTS + 2) == [False] * MAX_PROMPT_REJECTS + [
        True,
        True,
    ]


def test_logins_are_counted_separately():
    counter = RejectCounter()
    storms(counter, "juan", 50)
    assert not counter.is_storm("pedro", 1000.0)


def test_a_storm_continues_across_windows_and_is_finally_forgotten():
    counter = RejectCounter()
    storms(counter, "juan", 50)
    assert counter.is_storm("juan", 1000.0 + WINDOW_SECONDS)
    assert not counter.is_storm("juan", 1000.0 + 4 * WINDOW_SECONDS)


def test_delayed_items_are_due_in_order():
    queue = DelayQueue(seconds=1.0, capacity=10)
    queue.put("first", 10.0)
    queue.put("second", 10.5)
    assert list(queue.due(10.9)) == []
    assert list(queue.due(11.0)) == ["first"]
    assert list(queue.due(20.0)) == ["second"]


def test_delay_queue_has_a_capacity():
    queue = DelayQueue(seconds=1.0, capacity=1)
    assert queue.put("first", 10.0)
    assert not queue.put("second", 10.0)
