"""An in-memory limit on how often one caller may send requests, for pages that are cheap and leak nothing."""

from __future__ import annotations

MAX_KEYS = 10_000


class TokenBucket:
    """Allows each key `burst` requests at once, and `per_second` more every second.

    With more than MAX_KEYS keys, the least recently used one is forgotten.
    """

    def __init__(self, burst: int = 30, per_second: float = 1.0) -> None:
        self._burst = burst
        self._per_second = per_second
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: float, tokens: int = 1) -> bool:
        """Take tokens from the bucket of `key`. False, and nothing is taken, if it holds too few.

        `now` is in seconds of any monotonic clock.
        """
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._per_second)
        allowed = level >= tokens
        self._levels[key] = (level - tokens if allowed else level, now)
        if len(self._levels) > MAX_KEYS:
            del self._levels[next(iter(self._levels))]
        return allowed

    def give_back(self, key: str) -> None:
        """Put one token back: the last request does not count."""
        if key in self._levels:
            level, at = self._levels[key]
            self._levels[key] = (min(self._burst, level + 1), at)
