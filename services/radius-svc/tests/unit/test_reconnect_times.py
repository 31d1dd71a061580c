from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from radius_svc.domain.reconnect_times import reconnect_times


def counts(*cases):
    return [(bucket.up_to_milliseconds, bucket.cases) for bucket in reconnect_times(7, cases).buckets]


def test_a_bucket_counts_times_up_to_its_limit():
    assert counts(1, 1_000, 1_001, 2_000, 5_000, 10_000, 30_000, 60_000, 60_001) == [
        (1_000, 2),
        (2_000, 2),
        (5_000, 1),
        (10_000, 1),
        (30_000, 1),
        (60_000, 1),
        (None, 1),
    ]


def test_services_still_offline_are_counted_in_no_bucket():
    times = reconnect_times(7, [500, None, None])
    assert (times.days, times.cases, times.waiting) == (7, 3, 2)
    assert sum(bucket.cases for bucket in times.buckets) == 1
    assert times.slowest_milliseconds == 500


def test_without_cases_there_are_no_percentiles():
    times = reconnect_times(7, [])
    assert (times.cases, times.waiting, times.median_milliseconds, times.p95_milliseconds) == (
        0,
        0,
        None,
        None,
    )
    assert len(times.buckets) == 7


def test_percentiles_are_measured_times():
    times = reconnect_times(7, range(1, 101))
    assert (times.median_milliseconds, times.p95_milliseconds, times.slowest_milliseconds) == (50, 95, 100)


@given(st.lists(st.one_of(st.none(), st.integers(-10, 100_000))))
def test_every_case_is_counted_once(cases):
    times = reconnect_times(7, cases)
    assert sum(bucket.cases for bucket in times.buckets) + times.waiting == times.cases == len(cases)
    if times.cases > times.waiting:
        assert times.median_milliseconds <= times.p95_milliseconds <= times.slowest_milliseconds
