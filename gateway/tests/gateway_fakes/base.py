"""What the fakes share: the day, pages and look-ups."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from contracts.common import BillingPeriod, NotFound, Page
from contracts.money import Money

if TYPE_CHECKING:
    from gateway_fakes.world import World

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
PERIOD = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))
PESO = Money(150000)
NOTHING = Money(0)


def paged(items: list, limit: int, after: str | None) -> Page:
    start = int(after or 0)
    end = start + limit
    return Page(items[start:end], str(end) if end < len(items) else None)


def matches(text: str | None, *values: str) -> bool:
    """Whether a list searched for `text` shows an item with these values."""
    return text is None or any(text.lower() in value.lower() for value in values)


class Fake:
    def __init__(self, world: World) -> None:
        self.world = world

    def _known(self, things: dict, thing_id: str) -> Any:
        if thing_id not in things:
            raise NotFound(f"there is no {thing_id}")
        return things[thing_id]
