"""The listener's connections to the RADIUS database, which other processes write at the same time."""

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

# Short, because a thread that waits for the database answers no packets. The wait is repeated.
_WAIT_SECONDS = 1
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
# A machine that has not answered for this long counts as down, although TCP would still wait.
_SILENCE_SECONDS = 5
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=5s",
    "keepalives_idle": _SILENCE_SECONDS,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": _SILENCE_SECONDS * 1000,
}
# Statements in the background find every row by its key. Outdated statistics, from when a table was small or
# empty, must not make PostgreSQL read all of it.
_BY_KEY = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
# The thread that answers packets shares the interpreter with those that read rows: it gets a turn after this
# many rows.
_ROWS_AT_ONCE = 1000
_TURN_SECONDS = 0.0002


class ListenerDatabase:
    """The RADIUS database: for polling a number, consistent reads, writes, and background statements."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._polling = self._snapshots = self._engine
        if not self.is_sqlite:
            self._polling = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._writing = self._engine.execution_options(sqlite_begin="IMMEDIATE")

    def polled_number(self, query: str) -> PolledNumber:
        """For a query that runs many times a second."""
        return PolledNumber(self._polling, query)

    def snapshot(self) -> Connection:
        """A connection for several queries that must see the same state."""
        return self._snapshots.connect()

    def write(self) -> Connection:
        """A connection for writing.

        On SQLite it locks at the start, because locking later could fail half-way.
        """
        return self._writing.connect()

    def begin_to_connect(self) -> Any:
        """A connection in psycopg2's asynchronous mode, to be polled until it is open.

        Raises psycopg2.Error.
        """
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        options = {**options, **_POSTGRESQL, "options": f"{_POSTGRESQL['options']} {_BY_KEY}"}
        return psycopg2.connect(*arguments, **options, async_=1)

    def close(self) -> None:
        self._engine.dispose()


class PolledNumber:
    """A number that is read again and again, through the driver's cursor on a connection that stays open.

    Through SQLAlchemy it would take ten times as long, and it is most of what an idle listener does.
    """

    def __init__(self, engine: Engine, query: str) -> None:
        self._engine, self._query = engine, query
        self._connection: Connection | None = None
        self._cursor: Any = None

    def read(self) -> int | None:
        """Read the number: one round trip, no transaction.

        Raises SQLAlchemyError; the next call reconnects.
        """
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
    """The rows of a statement, with short pauses in which other threads can run."""
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
    connection.isolation_level = (
        None  # the driver would begin transactions late and without choosing the lock
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
