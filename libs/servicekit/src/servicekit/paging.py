"""Pages of a list, and searching it.

A cursor says where a page ended, so rows that are added in the meantime shift nothing.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from contracts.common import Instant, InvalidInput, Page
from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeDecorator, TypeEngine

MAX_PAGE_SIZE = 200
MAX_INTEGER = 2**63 - 1  # of a BIGINT column
View = TypeVar("View")


@dataclass(frozen=True)
class Order:
    """By `column`, which contains no nulls, and by id among equals; `descending` reverses both.

    An index on (column, id) makes every page fast, in both directions.
    """

    column: InstrumentedAttribute | ColumnElement
    descending: bool = False


def page_of(
    session: Session,
    query: Select,
    key: InstrumentedAttribute,
    view: Callable[[Any], View],
    *,
    limit: int,
    after: str | None,
    order: Order | None = None,
) -> Page[View]:
    """At most `limit` (up to MAX_PAGE_SIZE) rows of `query` after the cursor, as views, and the next cursor.

    Without an `order` the newest come first: `key`, a time-ordered id or a growing number, is also the
    cursor. With an `order` the cursor is an opaque text. Raises InvalidInput if `after` cannot be a cursor of
    this list.
    """
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    query = _newest_first(query, key, after) if order is None else _in_order(query, key, after, order)
    rows = session.execute(query.limit(limit + 1)).all()
    cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        last_id = getattr(last[0], key.key)
        cursor = str(last_id) if order is None else _cursor(last[-1], last_id)
    return Page([view(row[0]) for row in rows[:limit]], cursor)


def folded(text: str) -> str:
    """`text` without case and accents, so that "pena" finds "PEÑA": for a search column next to a name.

    Databases each fold in their own way, or only ASCII.
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def printable(text: str | None) -> str:
    """`text` without the characters that cannot be printed.

    For search texts and the like: such characters are in no name, and PostgreSQL refuses some of them.
    """
    return "".join(filter(str.isprintable, text or ""))


def searched(text: str | None) -> str:
    """What to look for in `folded` columns; "" if `text` contains nothing to search for."""
    return folded(printable(text).strip())


def _newest_first(query: Select, key: InstrumentedAttribute, after: str | None) -> Select:
    if after is not None:
        query = query.where(key < _read_key(after, key))
    return query.order_by(key.desc())


def _read_key(after: str, key: InstrumentedAttribute) -> str | int:
    """The key in a cursor of a list without an order. Raises InvalidInput."""
    if _python_type(key.type) is not int:
        if not after.isprintable():
            raise _not_a_cursor(after)  # PostgreSQL refuses some characters
        return after
    is_number = after.isascii() and after.isdigit() and len(after) <= len(str(MAX_INTEGER))
    if not is_number or int(after) > MAX_INTEGER:
        raise _not_a_cursor(after)
    return int(after)


def _in_order(query: Select, key: InstrumentedAttribute, after: str | None, order: Order) -> Select:
    columns = (order.column, key)
    if after is not None:
        values = _read_cursor(after, *(_python_type(column.type) for column in columns))
        end = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
        query = query.where(tuple_(*columns) < end if order.descending else tuple_(*columns) > end)
    by = (column.desc() if order.descending else column.asc() for column in columns)
    return query.add_columns(order.column).order_by(*by)


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _read_cursor(after: str, *types: Any) -> tuple[Any, ...]:
    """The values `_cursor` was made of. Raises InvalidInput."""
    padded = after + "=" * (-len(after) % 4)
    shape: Any = tuple[types]  # type: ignore[valid-type]  # known only here
    try:
        values = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=shape)
    except ValueError as error:  # not ours, or from a list in another order
        raise _not_a_cursor(after) from error
    if not all(_can_be_sent(value) for value in values):
        raise _not_a_cursor(after)
    return values


def _can_be_sent(value: Any) -> bool:
    """Whether PostgreSQL takes it."""
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) <= MAX_INTEGER


def _python_type(type_: TypeEngine) -> Any:
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return Instant if plain.python_type is datetime else plain.python_type


def _not_a_cursor(after: str) -> InvalidInput:
    return InvalidInput.of("after", f"{after!r} is not a cursor of this list; use `next` of the page before")
