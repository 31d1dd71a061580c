"""Waiting for facts, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Fact = TypeVar("Fact")

FIRST_PAUSE_SECONDS = 0.02
MAX_PAUSE_SECONDS = 0.25
GROWTH = 1.5


def pauses() -> Iterator[float]:
    """The seconds to wait between the rounds of a loop that polls.

    They grow, because the system under test needs the same processors: a test that polls all the time slows
    down what it waits for.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * GROWTH, MAX_PAUSE_SECONDS)


def repeatedly(seconds: float) -> Iterator[None]:
    """Rounds of checks that must hold all the time for that long."""
    deadline = time.monotonic() + seconds
    for pause in pauses():
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(pause)


def wait_for(description: str, probe: Callable[[], Fact | None], *, seconds: float = 10.0) -> Fact:
    """The first true result of `probe`. Fails with the description and the last result."""
    deadline = time.monotonic() + seconds
    pause = pauses()
    while not (fact := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s, still not true: {description} (last seen: {fact!r})")
        time.sleep(next(pause))
    return fact


def wait_for_none(description: str, left: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait until `left` returns something empty. Fails with the description and what was left."""
    deadline = time.monotonic() + seconds
    pause = pauses()
    while remaining := left():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s there are still {description}: {remaining!r}")
        time.sleep(next(pause))
