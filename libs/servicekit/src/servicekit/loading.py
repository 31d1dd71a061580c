"""Loading one row by its key, or answering NotFound: a command or query that names an id starts here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from contracts.common import NotFound
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.interfaces import ORMOption

Row = TypeVar("Row", bound=DeclarativeBase)


def get(session: Session, model: type[Row], key: Any, *, options: Sequence[ORMOption] = ()) -> Row:
    """The row of `model` with this primary key; `options` say what to load along with it.

    Raises NotFound ("there is no plan 0193...") if there is none.
    """
    return _found(session.get(model, key, options=options), model, key)


def lock(session: Session, model: type[Row], key: Any, *, options: Sequence[ORMOption] = ()) -> Row:
    """Like `get`, locked until the transaction ends (SELECT ... FOR UPDATE) and read fresh.

    On SQLite the whole database is locked by the write transaction, so nothing more is needed there. Raises
    NotFound if there is no such row.
    """
    row = session.get(model, key, options=options, with_for_update=True, populate_existing=True)
    return _found(row, model, key)


def human_name(model: type[DeclarativeBase]) -> str:
    """What a message calls a row of `model`: its `human_name`, or its class name in words.

    A model sets `human_name: ClassVar[str]` if the class name is not the word people use.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
    return str(getattr(model, "human_name", words))


def _found(row: Row | None, model: type[Row], key: Any) -> Row:
    if row is None:
        raise NotFound(f"there is no {human_name(model)} {key}")
    return row
