"""Statistics of how long services took to come back online."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from contracts.radius import ReconnectBucket, ReconnectTimes

UP_TO_MILLISECONDS = (1_000, 2_000, 5_000, 10_000, 30_000, 60_000)


def reconnect_times(days: int, cases: Iterable[int | None]) -> ReconnectTimes:
    """Count, median, 95th percentile and histogram of `cases`: milliseconds, or None if still offline."""
    everything = list(cases)
    back = sorted(milliseconds for milliseconds in everything if milliseconds is not None)
    counts = [0] * (len(UP_TO_MILLISECONDS) + 1)
    for milliseconds in back:
        counts[bisect_left(UP_TO_MILLISECONDS, milliseconds)] += 1
    return ReconnectTimes(
        days=days,
        cases=len(everything),
        waiting=len(everything) - len(back),
        median_milliseconds=_percentile(back, 50),
        p95_milliseconds=_percentile(back, 95),
        slowest_milliseconds=_percentile(back, 100),
        buckets=[
            ReconnectBucket(up_to, count)
            for up_to, count in zip((*UP_TO_MILLISECONDS, None), counts, strict=True)
        ],
    )


def _percentile(ordered: list[int], percent: int) -> int | None:
    """The nearest-rank percentile of sorted values; None if there are none."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return ordered[rank - 1]
