"""Slows down repeated rejects: a home router with a wrong password dials again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

WINDOW_SECONDS = 60.0
# Enough for a person who mistypes, and for a router that redials a few times.
MAX_PROMPT_REJECTS = 5
_CAPACITY = 65_536

T = TypeVar("T")


class RejectCounter:
    """Counts the rejects of each login and MAC in the last one or two minutes. Not thread-safe."""

    def __init__(self) -> None:
        self._young: dict[Any, int] = {}
        self._old: dict[Any, int] = {}
        self._turned_at = 0.0

    def is_storm(self, who: Any, now: float) -> bool:
        """Count a reject of `who`; whether there are too many. `now` is the monotonic clock in seconds."""
        age = now - self._turned_at
        if age >= WINDOW_SECONDS or len(self._young) >= _CAPACITY:
            self._old = self._young if age < 2 * WINDOW_SECONDS else {}
            self._young = {}
            self._turned_at = now
        number = self._young.get(who, 0) + 1
        self._young[who] = number
        return number + self._old.get(who, 0) > MAX_PROMPT_REJECTS


class DelayQueue(Generic[T]):
    """Items to be handled a fixed time later; at most `capacity` of them."""

    def __init__(self, *, seconds: float, capacity: int) -> None:
        self._seconds, self._capacity = seconds, capacity
        self._waiting: deque[tuple[float, T]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T, now: float) -> bool:
        """Add an item; False if the queue is full."""
        if len(self._waiting) >= self._capacity:
            return False
        self._waiting.append((now + self._seconds, item))
        return True

    def due(self, now: float) -> Iterator[T]:
        """Remove and return the items that are due."""
        while self._waiting and self._waiting[0][0] <= now:
            yield self._waiting.popleft()[1]
