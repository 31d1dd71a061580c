"""Metrics of one thread, added to the Prometheus metrics once a second.

Incrementing a labeled counter takes as long as decoding a packet, and longer if processes share it.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from radius_svc.listener import metrics

_EVERY_SECONDS: Final = 1.0
_DURATIONS_PER_FLUSH: Final = 1_000


class Tally:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._counts: dict[tuple[Counter, tuple[str, ...]], int] = {}
        self._durations: list[float] = []
        self._flush_at = 0.0

    def count(self, counter: Counter, *labels: str) -> None:
        """Add 1 to the counter with these labels."""
        key = (counter, labels)
        self._counts[key] = self._counts.get(key, 0) + 1

    def took(self, seconds: float) -> None:
        """Record the duration of a request. Only the first thousand of each second count."""
        if len(self._durations) < _DURATIONS_PER_FLUSH:
            self._durations.append(seconds)

    def flush(self, now: float) -> None:
        """Update the metrics, at most once a second. `now` is the monotonic clock in seconds."""
        if now < self._flush_at:
            return
        self._flush_at = now + _EVERY_SECONDS
        self.flush_now()

    def flush_now(self) -> None:
        for (counter, labels), number in self._counts.items():
            (counter.labels(*labels) if labels else counter).inc(number)
        self._counts.clear()
        duration = metrics.REQUEST_DURATION.labels(self._kind)
        for seconds in self._durations:
            duration.observe(seconds)
        self._durations.clear()
