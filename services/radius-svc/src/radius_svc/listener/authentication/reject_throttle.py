"""Refused logins that come again and again: a home router with a wrong password dials for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

WINDOW_SECONDS = 60.0
# What a person who mistypes needs, and a router that redials a few times.
UNDAMPED_REJECTS = 5
_CAPACITY = 65_536

T = TypeVar("T")


class RejectCounter:
    """How often each login and MAC was refused in the last minute or two. Used by one thread."""

    def __init__(self) -> None:
        self._young: dict[Any, int] = {}
        self._old: dict[Any, int] = {}
        self._turned_at = 0.0

    def is_storm(self, who: Any, now: float) -> bool:
        """Count one more refusal of `who`; whether it is one too many. `now` is monotonic."""
        age = now - self._turned_at
        if age >= WINDOW_SECONDS or len(self._young) >= _CAPACITY:
            self._old = self._young if age < 2 * WINDOW_SECONDS else {}
            self._young = {}
            self._turned_at = now
        number = self._young.get(who, 0) + 1
        self._young[who] = number
        return number + self._old.get(who, 0) > UNDAMPED_REJECTS


class DelayQueue(Generic[T]):
    """What is to be sent a fixed time later; at most `capacity` of it."""

    def __init__(self, *, seconds: float, capacity: int) -> None:
        self._seconds, self._capacity = seconds, capacity
        self._waiting: deque[tuple[float, T]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T, now: float) -> bool:
        """False if there is no room."""
        if len(self._waiting) >= self._capacity:
            return False
        self._waiting.append((now + self._seconds, item))
        return True

    def due(self, now: float) -> Iterator[T]:
        while self._waiting and self._waiting[0][0] <= now:
            yield self._waiting.popleft()[1]
