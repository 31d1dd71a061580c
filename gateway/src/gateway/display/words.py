"""Words for the screen. Functions with `@template_filter` are filters in the templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask

import gateway.display
from gateway.discovery import import_modules

Filter = TypeVar("Filter", bound=Callable[..., object])

NONE = "–"
FILTERS: dict[str, Callable[..., object]] = {}


@dataclass(frozen=True)
class Words:
    """A status in words, and its tone: good, bad, warn or quiet."""

    text: str
    tone: str


def template_filter(function: Filter) -> Filter:
    """Decorator: templates may use the function as a filter of the same name."""
    FILTERS[function.__name__] = function
    return function


def register(app: Flask) -> None:
    """Give the app every filter that the modules imported so far, and those of this package, declare."""
    import_modules(gateway.display)
    for name, function in FILTERS.items():
        app.add_template_filter(function, name)


@template_filter
def count(number: int) -> str:
    """10,000"""
    return f"{number:,}"


@template_filter
def capitalize_first(text: str) -> str:
    """Capitalize the first letter only (`capitalize` would change the others too); drop a final period."""
    return text[:1].upper() + text[1:].rstrip(".")
