from __future__ import annotations

from radius_svc.listener.receiving.duplicates import DuplicateCache

KEY = 7


def found(cache, now):
    cache.forget_old(now)
    return cache.find(KEY)


def test_answers_are_kept_for_ten_to_twenty_seconds():
    cache = DuplicateCache(seconds=10)
    found(cache, 100.0)
    cache.keep(KEY, b"reply")

    assert found(cache, 110.0) == b"reply"
    assert found(cache, 119.9) == b"reply"
    assert found(cache, 120.1) is None


def test_a_new_answer_is_not_forgotten_with_the_old_ones():
    cache = DuplicateCache(seconds=10)
    cache.keep(KEY, b"reply")

    assert found(cache, 500.0) == b"reply"


def test_a_flood_does_not_exceed_the_capacity_of_the_cache():
    cache = DuplicateCache(seconds=10, capacity=100)
    for number in range(1_000):
        cache.forget_old(100.0)
        cache.keep(number, b"reply")

    kept = [number for number in range(1_000) if cache.find(number)]
    assert len(kept) <= 100
    assert 999 in kept
