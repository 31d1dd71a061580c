"""How large a request may be: small everywhere but at the views that take a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, request

View = TypeVar("View", bound=Callable)
MAX_OCTETS = 1_000_000


def takes_up_to(octets: int) -> Callable[[View], View]:
    """Declare a view that takes a larger body than others."""

    def mark(view: View) -> View:
        view.max_body_octets = octets  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask) -> None:
    """To be called after the guard and before whatever reads a body: only who may send a file is let to."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_OCTETS

    @app.before_request
    def allow_a_file() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        octets = getattr(view, "max_body_octets", None)
        if octets is not None:
            request.max_content_length = octets
