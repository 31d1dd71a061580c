"""Write many rows quickly into a service's tables, with PostgreSQL's COPY."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

from servicekit.db import Database
from sqlalchemy import Table, text
from sqlalchemy.orm import DeclarativeBase

Rows = Iterable[Mapping[str, Any]]
AT_ONCE = 5_000
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(database: Database, model: type[DeclarativeBase], rows: Rows) -> None:
    """Each row has the same columns, by name. Columns with a fixed default in the model may be left out."""
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        return
    table: Table = model.__table__  # type: ignore[assignment]
    constants = _defaults(table, first)
    columns = ", ".join(f'"{name}"' for name in (*first, *constants))
    tail = "".join(f"\t{_as_text(value)}" for value in constants.values())
    connection = database.engine.raw_connection()
    try:
        command = f'COPY "{table.name}" ({columns}) FROM STDIN'
        with closing(connection.cursor()) as cursor:
            for lines in _batches(chain([first], coming), tuple(first), tail):
                cursor.copy_expert(command, io.StringIO(lines))
        connection.commit()
    finally:
        connection.close()


def analyze(database: Database) -> None:
    """Do now what autovacuum would do automatically later."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _batches(rows: Iterator[Mapping[str, Any]], names: tuple[str, ...], tail: str) -> Iterator[str]:
    while batch := list(islice(rows, AT_ONCE)):
        yield "".join("\t".join([_as_text(row[name]) for name in names]) + tail + "\n" for row in batch)


def _defaults(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    left_out = [column for column in table.columns if column.name not in row]
    return {
        column.name: column.default.arg  # type: ignore[attr-defined]  # of a default that is a value
        for column in left_out
        if column.default is not None and column.default.is_scalar
    }


def _as_text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return str(value).translate(ESCAPES)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return ("t" if value else "f") if isinstance(value, bool) else str(value)
