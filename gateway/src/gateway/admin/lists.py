"""Lists: the filters in the URL, and the addresses of a list's links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from contracts.common import Page
from flask import request, url_for
from servicekit.paging import printable

from gateway.clients.context import current

Item = TypeVar("Item")
Choice = TypeVar("Choice", bound=StrEnum)
MAX_TEXT = 200
CURSOR = "after"


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """A page of a list with its links. `order` is the value of the order, `csv` the address of the export."""

    page: Page[Item]
    order: str = ""
    csv: str = ""

    @property
    def items(self) -> list[Item]:
        return self.page.items

    @property
    def next(self) -> str:
        return self.address(**{CURSOR: self.page.next}) if self.page.next else ""

    @property
    def first(self) -> str:
        return self.address()

    @property
    def continued(self) -> bool:
        return CURSOR in request.args

    def chosen(self, *fields: str) -> int:
        """How many of these filters are in use."""
        return sum(1 for name in fields if request.args.get(name))

    def date_choices(self, since: str, until: str) -> list[tuple[str, str, bool]]:
        """Today, This month and Last month, for the filters `since` and `until`: each with the address that
        applies it and keeps the other filters, and whether it is in use."""
        chosen = (request.args.get(since), request.args.get(until))
        return [
            (words, self.address(**{since: first, until: last}), chosen == (str(first), str(last)))
            for words, first, last in _date_choices(current().today())
        ]

    def kept(self, *fields: str) -> list[tuple[str, str]]:
        """The other filters of the list, which a form with these fields must also send."""
        return [(name, value) for name, value in request.args.items() if name not in (*fields, CURSOR)]

    def address(self, **changes: Any) -> str:
        """The address of this list with changed arguments, from its first page."""
        return _with_arguments(request.path, **changes)


def _date_choices(today: date) -> tuple[tuple[str, date, date], ...]:
    month = today.replace(day=1)
    next_month = (month + timedelta(days=31)).replace(day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    return (
        ("Today", today, today),
        ("This month", month, next_month - timedelta(days=1)),
        ("Last month", last_month, month - timedelta(days=1)),
    )


def export_address(view: str) -> str:
    """The address of the list's CSV export, with the same filters."""
    return _with_arguments(url_for(view))


def text_argument(name: str) -> str:
    return printable(request.args.get(name))[:MAX_TEXT]


def choice_argument(name: str, choices: type[Choice]) -> Choice | None:
    """The chosen value; None if it is not a valid choice, so that a mistyped URL shows the whole list."""
    value = request.args.get(name, "")
    return choices(value) if value in set(choices) else None


def date_argument(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _with_arguments(path: str, **changes: Any) -> str:
    kept = {name: value for name, value in request.args.items() if name != CURSOR}
    given = {name: value for name, value in {**kept, **changes}.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
