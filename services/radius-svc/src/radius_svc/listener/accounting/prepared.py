"""Prepared statements, which PostgreSQL plans once per connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.dialects.postgresql.base import PGDialect

_KNOWN = "prepared statements"


class Prepared:
    """A statement that is prepared on first use: planning the upsert of a batch takes longer than executing
    it.

    Prepared statements belong to a connection, so there must be no pooler between the listener and PostgreSQL
    that assigns connections per transaction. On SQLite the statement is executed as it is, because planning
    takes hardly any time.
    """

    def __init__(self, name: str, statement: Executable, *, is_sqlite: bool) -> None:
        self._statement = statement
        self._is_sqlite = is_sqlite
        self._name = name
        if is_sqlite:
            return
        compiled: Any = statement.compile(dialect=PGDialect(paramstyle="numeric_dollar"))  # type: ignore[attr-defined]
        self._parameters: list[str] = list(compiled.positiontup)
        self.preparation = f"PREPARE {name} AS {compiled}"
        self.execution = f"EXECUTE {name} ({', '.join(['%s'] * len(self._parameters))})"

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters in the order `execution` needs."""
        return tuple(parameters[name] for name in self._parameters)

    def execute(self, connection: Connection, parameters: Mapping[str, Any] | list[Any]) -> CursorResult[Any]:
        """Execute the statement. Raises SQLAlchemyError."""
        if self._is_sqlite:
            return connection.execute(self._statement, parameters)
        assert isinstance(parameters, Mapping)
        known: set[str] = connection.info.setdefault(_KNOWN, set())
        if self._name not in known:
            connection.exec_driver_sql(self.preparation)
            known.add(self._name)
        return connection.exec_driver_sql(self.execution, self.values(parameters))
