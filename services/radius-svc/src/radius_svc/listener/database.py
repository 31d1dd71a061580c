"""Connections of the listener to the RADIUS database, which other processes write at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, Row, Select, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

# Short, because whoever waits for the database answers no packets meanwhile; the wait is repeated.
_WAIT_SECONDS = 1
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
# Nothing heard from the other machine for so long: it is gone, whatever TCP still hopes for.
_SILENCE_SECONDS = 5
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=5s",
    "keepalives_idle": _SILENCE_SECONDS,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": _SILENCE_SECONDS * 1000,
}
# What goes on in the background finds every row by its key. Statistics of a table that was small then, or
# empty, must not make PostgreSQL read all of it.
_BY_KEY = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
# Who answers packets shares the interpreter with who reads rows: after so many rows it has its turn.
_ROWS_AT_ONCE = 1000
_TURN_SECONDS = 0.0002


class Database:
    """The ways to use one database: a glance at one number, a consistent read of many tables, a write, a
    statement in the background."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._glancing = self._snapshots = self._engine
        if not self.is_sqlite:
            self._glancing = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._writing = self._engine.execution_options(sqlite_begin="IMMEDIATE")

    def glance(self, query: str) -> Glance:
        """For one query, asked many times a second."""
        return Glance(self._glancing, query)

    def snapshot(self) -> Connection:
        """For several queries that must agree with one another."""
        return self._snapshots.connect()

    def write(self) -> Connection:
        """For writing. On SQLite the lock is taken at the start: a later one can fail half-way."""
        return self._writing.connect()

    def begin_to_connect(self) -> Any:
        """In psycopg2's asynchronous mode: to be polled until it stands. Raises psycopg2.Error."""
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        options = {**options, **_POSTGRESQL, "options": f"{_POSTGRESQL['options']} {_BY_KEY}"}
        return psycopg2.connect(*arguments, **options, async_=1)

    def close(self) -> None:
        self._engine.dispose()


class Glance:
    """One number that is asked for again and again: by the driver's own cursor, on a connection that is kept.

    Through SQLAlchemy it costs ten times as much, and with it the listener when there is nothing to do.
    """

    def __init__(self, engine: Engine, query: str) -> None:
        self._engine, self._query = engine, query
        self._connection: Connection | None = None
        self._cursor: Any = None

    def number(self) -> int | None:
        """Without a transaction, in one round trip. Raises SQLAlchemyError; the next time connects anew."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._cursor = self._connection.connection.cursor()
        try:
            self._cursor.execute(self._query)
            row = self._cursor.fetchone()
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
            raise OperationalError(self._query, {}, error) from error
        return None if row is None else int(row[0])


def rows_in_turns(
    connection: Connection, statement: Select[*tuple[Any, ...]]
) -> Iterator[Row[*tuple[Any, ...]]]:
    """The rows, with a moment for other threads now and then."""
    for rows in connection.execute(statement.execution_options(yield_per=_ROWS_AT_ONCE)).partitions():
        yield from rows
        if threading.active_count() > 1:
            time.sleep(_TURN_SECONDS)


def _postgresql_engine(url: str) -> Engine:
    driven = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(driven, connect_args=_POSTGRESQL, pool_size=4, pool_timeout=CONNECT_SECONDS)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=4,
        pool_timeout=CONNECT_SECONDS,
        connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin late and without saying which lock
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
