"""How large a request may be: small, except for views that accept a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, request

View = TypeVar("View", bound=Callable)
MAX_OCTETS = 1_000_000


def takes_up_to(octets: int) -> Callable[[View], View]:
    """Decorator: the view accepts a body of up to `octets`, more than other views."""

    def mark(view: View) -> View:
        view.max_body_octets = octets  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask) -> None:
    """Call it after the guard and before a body is read, so that only permitted operators can send a file."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_OCTETS

    @app.before_request
    def allow_a_file() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        octets = getattr(view, "max_body_octets", None)
        if octets is not None:
            request.max_content_length = octets
