"""Waiting for facts, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Fact = TypeVar("Fact")


def wait_for(
    description: str, probe: Callable[[], Fact], *, seconds: float = 10.0, pause: float = 0.02
) -> Fact:
    """The first true result of `probe`. Fails with the description and the last result."""
    deadline = time.monotonic() + seconds
    while not (fact := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s, still not true: {description} (last seen: {fact!r})")
        time.sleep(pause)
    return fact


def wait_for_none(
    description: str, left: Callable[[], object], *, seconds: float = 10.0, pause: float = 0.1
) -> None:
    """Wait until `left` returns something empty. Fails with the description and what was left."""
    deadline = time.monotonic() + seconds
    while remaining := left():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s there are still {description}: {remaining!r}")
        time.sleep(pause)
