"""What the fakes share: the day, pages, searching, and look-ups that raise as the services do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contracts.common import BillingPeriod, InvalidInput, LastEdit, NotFound, Page
from contracts.money import Money
from servicekit.edits import refuse_stale
from servicekit.paging import MAX_PAGE_SIZE, searched
from testkit.examples import START

if TYPE_CHECKING:
    from gateway_fakes.world import World

NOW = START
TODAY = NOW.date()
PERIOD = BillingPeriod(TODAY.replace(month=11, day=1), TODAY.replace(month=12, day=1))
NOTHING = Money(0)


def paged(items: list, limit: int, after: str | None) -> Page:
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    start = int(after or 0)
    end = start + limit
    return Page(items[start:end], str(end) if end < len(items) else None)


def ordered(items: Iterable, key: Callable[[Any], Any] | None = None, *, descending: bool = True) -> list:
    """By `key`, and by age among equals; without a key by age. Items come oldest first."""
    found = list(items) if key is None else sorted(items, key=key)
    if not descending:
        return found
    return found[::-1]


def contains(text: str | None, *values: str) -> bool:
    """Whether a list searched for `text` shows an item with these values."""
    return any(searched(text) in searched(value) for value in values)


def begins(text: str | None, *values: str | None) -> bool:
    """Whether a value begins with `text`."""
    return any(searched(value).startswith(searched(text)) for value in values)


class Fake:
    def __init__(self, world: World) -> None:
        self.world = world

    def _known(self, things: dict, thing_id: str) -> Any:
        if thing_id not in things:
            raise NotFound(f"there is no {thing_id}")
        return things[thing_id]

    def _changed(self, thing: Any, **changes: Any) -> Any:
        """`thing` with these changes and the next version; the same if nothing changes."""
        changed = replace(thing, **changes)
        return thing if changed == thing else replace(changed, version=thing.version + 1)

    def _edited(self, thing: Any, command: Any, **changes: Any) -> Any:
        """The edit of `thing` by a command. Raises Stale."""
        refuse_stale(thing.edit, command.version)
        if replace(thing, **changes) == thing:
            return {}
        return changes | {"edit": LastEdit(thing.edit.version + 1, NOW, command.actor)}


def given(command: Any, *names: str) -> dict[str, Any]:
    """The fields of a command that are not None, which leaves a value as it is."""
    return {name: getattr(command, name) for name in names if getattr(command, name) is not None}


def refuse_taken(others: Iterable[Any], field: str, value: Any, prefix: str = "") -> None:
    """Raises InvalidInput if one of the others has the value."""
    if any(getattr(other, field) == value for other in others):
        raise InvalidInput.of(f"{prefix}{field}", f"{value} is already used")
