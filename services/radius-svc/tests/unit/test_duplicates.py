from __future__ import annotations

from radius_svc.listener.receiving.duplicates import DuplicateCache

KEY = 7


def found(cache, now):
    cache.forget_old(now)
    return cache.find(KEY)


def test_answer_is_found_for_ten_seconds_and_forgotten_before_twenty():
    cache = DuplicateCache(seconds=10)
    found(cache, 100.0)
    cache.keep(KEY, b"reply")

    assert found(cache, 110.0) == b"reply"
    assert found(cache, 119.9) == b"reply"
    assert found(cache, 120.1) is None


def test_an_answer_of_this_very_moment_is_not_forgotten_with_the_old_ones():
    cache = DuplicateCache(seconds=10)
    cache.keep(KEY, b"reply")

    assert found(cache, 500.0) == b"reply"


def test_flood_does_not_grow_the_cache_without_end():
    cache = DuplicateCache(seconds=10, capacity=100)
    for number in range(1_000):
        cache.forget_old(100.0)
        cache.keep(number, b"reply")

    kept = [number for number in range(1_000) if cache.find(number)]
    assert len(kept) <= 100
    assert 999 in kept
