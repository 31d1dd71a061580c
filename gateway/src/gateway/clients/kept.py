"""A short-lived cache for what many pages show and what rarely changes, such as the names of plans."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, request

Answer = TypeVar("Answer")
READING = ("GET", "HEAD", "OPTIONS")


class Kept:
    """Keeps answers for `seconds`. A change made by another process may take that long to appear."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._answers: dict[str, tuple[float, Any]] = {}

    def get(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """The kept answer with this name, or a new one from `ask` if that is too old. Errors are not kept."""
        at, answer = self._answers.get(name, (float("-inf"), None))
        now = time.monotonic()
        if now - at > self._seconds:
            answer = ask()
            self._answers[name] = (now, answer)
        return answer

    def forget(self) -> None:
        """Drop all answers."""
        self._answers.clear()


def register(app: Flask, kept: Kept) -> None:
    """Forget all answers after each change made through this process, so that the next page shows it."""

    @app.after_request
    def forget(response: Response) -> Response:
        if request.method not in READING:
            kept.forget()
        return response
