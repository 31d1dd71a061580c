"""SQL expressions that PostgreSQL and SQLite spell differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

# Sorts after every other character, so it marks the end of the texts with a common prefix.
LAST_CHARACTER = "\U0010ffff"


class folded(FunctionElement[str]):
    """A text in lowercase, ordered by code points regardless of the database's collation."""

    type = Text()
    inherit_cache = True


class address_text(FunctionElement[str]):
    """An IP address as text, ordered by code points."""

    type = Text()
    inherit_cache = True


class day_before(FunctionElement[Any]):
    """The time 24 hours earlier. Only for comparisons: on SQLite it is a text."""

    inherit_cache = True


def begins_with(text: FunctionElement[str], beginning: str) -> ColumnElement[bool]:
    """Whether a `folded` text or an `address_text` starts with `beginning`. Can use an index on it."""
    first = func.lower(beginning)
    return and_(text >= first, text < first.concat(LAST_CHARACTER))


@compiles(folded, "postgresql")
def _(element: folded, compiler: Any, **how: Any) -> str:
    return f'(lower({compiler.process(element.clauses, **how)}) COLLATE "C")'


@compiles(folded, "sqlite")
def _(element: folded, compiler: Any, **how: Any) -> str:
    return f"lower({compiler.process(element.clauses, **how)})"


@compiles(address_text, "postgresql")
def _(element: address_text, compiler: Any, **how: Any) -> str:
    return f'(host({compiler.process(element.clauses, **how)}) COLLATE "C")'


@compiles(address_text, "sqlite")
def _(element: address_text, compiler: Any, **how: Any) -> str:
    return compiler.process(element.clauses, **how)


@compiles(day_before, "postgresql")
def _(element: day_before, compiler: Any, **how: Any) -> str:
    return f"({compiler.process(element.clauses, **how)} - interval '1 day')"


@compiles(day_before, "sqlite")
def _(element: day_before, compiler: Any, **how: Any) -> str:
    return f"datetime({compiler.process(element.clauses, **how)}, '-1 day')"
