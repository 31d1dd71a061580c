"""A limit on how often one address may ask, kept in memory: for pages that cost little and leak nothing."""

from __future__ import annotations

MAX_KEYS = 10_000


class TokenBucket:
    """So many requests per key at once, and so many a second. Forgets the key asked longest ago."""

    def __init__(self, burst: int = 30, per_second: float = 1.0) -> None:
        self._burst = burst
        self._per_second = per_second
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: float, tokens: int = 1) -> bool:
        """Whether `key` may ask for what costs so many; `now` in seconds of any steady clock."""
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._per_second)
        allowed = level >= tokens
        self._levels[key] = (level - tokens if allowed else level, now)
        if len(self._levels) > MAX_KEYS:
            del self._levels[next(iter(self._levels))]
        return allowed

    def give_back(self, key: str) -> None:
        """What was taken last does not count."""
        if key in self._levels:
            level, at = self._levels[key]
            self._levels[key] = (min(self._burst, level + 1), at)
