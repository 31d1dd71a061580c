"""Pages of a list, and looking for a text in it.

The cursor says where a page ended, so rows that are added meanwhile move nothing.
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

MOST = 200
BIGGEST_INTEGER = 2**63 - 1
View = TypeVar("View")


@dataclass(frozen=True)
class Order:
    """By `column`, which holds no nulls, and by id among equals; `descending` turns both around.

    An index on (column, id) makes any page of it quick, in both directions.
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
    after: str | int | None,
    order: Order | None = None,
) -> Page[View]:
    """At most `limit` (up to 200) rows of `query` after the cursor, as views, and the next cursor.

    Without an `order` the newest come first: `key`, the id, is ordered by time and is also the cursor. With
    one the cursor is an opaque text. Raises InvalidInput for an `after` that cannot be a cursor.
    """
    limit = max(1, min(limit, MOST))
    query = _newest_first(query, key, after) if order is None else _in_order(query, key, after, order)
    rows = session.execute(query.limit(limit + 1)).all()
    cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        last_id = getattr(last[0], key.key)
        cursor = str(last_id) if order is None else _cursor(last[-1], last_id)
    return Page([view(row[0]) for row in rows[:limit]], cursor)


def folded(text: str) -> str:
    """What is left of `text` without case and accents: "pena" finds "PEÑA". For a column beside the name.

    The databases do this each in their own way, or for ASCII only.
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def searched(text: str | None) -> str:
    """What to look for in folded columns; nothing if nobody could have meant anything by `text`."""
    # What cannot be in a name cannot be sent to the database either.
    return folded("".join(character for character in text or "" if character.isprintable()).strip())


def _newest_first(query: Select, key: InstrumentedAttribute, after: str | int | None) -> Select:
    if after is not None:
        if not str(after).isprintable():
            raise _no_cursor(after)  # PostgreSQL does not take every character
        query = query.where(key < after)
    return query.order_by(key.desc())


def _in_order(query: Select, key: InstrumentedAttribute, after: str | int | None, order: Order) -> Select:
    columns = (order.column, key)
    if after is not None:
        values = _read_cursor(after, *(_python_type(column.type) for column in columns))
        end = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
        query = query.where(tuple_(*columns) < end if order.descending else tuple_(*columns) > end)
    by = (column.desc() if order.descending else column.asc() for column in columns)
    return query.add_columns(order.column).order_by(*by)


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _read_cursor(after: str | int, *types: Any) -> tuple[Any, ...]:
    """The values `_cursor` was made of. Raises InvalidInput."""
    padded = str(after) + "=" * (-len(str(after)) % 4)
    shape: Any = tuple[types]  # type: ignore[valid-type]  # known only here
    try:
        values = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=shape)
    except ValueError as error:  # not ours, or of a list in another order
        raise _no_cursor(after) from error
    if not all(_can_be_sent(value) for value in values):
        raise _no_cursor(after)
    return values


def _can_be_sent(value: Any) -> bool:
    """Whether PostgreSQL takes it."""
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) <= BIGGEST_INTEGER


def _python_type(type_: TypeEngine) -> Any:
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return Instant if plain.python_type is datetime else plain.python_type


def _no_cursor(after: str | int) -> InvalidInput:
    return InvalidInput.of("after", f"{after!r} is no cursor of this list")
