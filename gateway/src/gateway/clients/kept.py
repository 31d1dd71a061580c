"""What changes seldom and is on many pages (names of plans and routers) is not asked for every time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, request

Answer = TypeVar("Answer")
READING = ("GET", "HEAD", "OPTIONS")


class Kept:
    """Answers, for some seconds: what was changed elsewhere is seen late by so much."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._answers: dict[str, tuple[float, Any]] = {}

    def get(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """The answer of that name; asked for anew when it is too old. What `ask` raises is not kept."""
        at, answer = self._answers.get(name, (float("-inf"), None))
        now = time.monotonic()
        if now - at > self._seconds:
            answer = ask()
            self._answers[name] = (now, answer)
        return answer

    def forget(self) -> None:
        self._answers.clear()


def register(app: Flask, kept: Kept) -> None:
    """What is changed through this process is seen by the next page."""

    @app.after_request
    def forget(response: Response) -> Response:
        if request.method not in READING:
            kept.forget()
        return response
