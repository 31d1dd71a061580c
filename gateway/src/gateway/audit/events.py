"""The events of the audit log. Each is declared at the page or endpoint that causes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

View = TypeVar("View", bound=Callable)


@dataclass(frozen=True)
class Event:
    """`name` is what the log stores, so it never changes; `words` are what people read.

    `kind` says what the record is. The log links to the page that shows records of this kind, if any.
    """

    name: str
    words: str
    kind: str = ""


EVENTS: dict[str, Event] = {}


def declare(event: Event) -> Event:
    """Register the event. Raises ValueError if another event has this name."""
    if EVENTS.setdefault(event.name, event) != event:
        raise ValueError(f"two events are called {event.name}")
    return event


def causes(event: Event) -> Callable[[View], View]:
    """Decorator: declares the event that a view causes when it changes something."""

    def mark(view: View) -> View:
        view.event = declare(event)  # type: ignore[attr-defined]
        return view

    return mark


def event_of(view: Callable) -> Event | None:
    return getattr(view, "event", None)


# Events without a page or an endpoint of their own.
WRONG_PASSWORD = declare(Event("login.wrong_password", "Entered a wrong password", "operator"))
WRONG_CODE = declare(Event("login.wrong_code", "Entered a wrong two-factor code", "operator"))
RESCUED = declare(Event("command_line.rescue", "Regained access from the command line", "operator"))


def event_words(name: str, action: str) -> str:
    """What happened, in words. For an event of an older version it is `action`, the request itself."""
    known = EVENTS.get(name)
    return known.words if known is not None else action


def all_words() -> list[str]:
    return sorted({event.words for event in EVENTS.values()})


def events_called(words: str) -> list[str]:
    """The names of the events that read like this: a page and the API have one each."""
    return sorted(event.name for event in EVENTS.values() if event.words == words)


def kind_of_record(name: str) -> str:
    return EVENTS[name].kind if name in EVENTS else ""
