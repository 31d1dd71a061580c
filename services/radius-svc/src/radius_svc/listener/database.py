"""Connections of the listener to the RADIUS database, which other processes write at the same time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

# Short, because whoever waits for the database answers no packets meanwhile; the wait is repeated.
_WAIT_SECONDS = 1
_CONNECT_SECONDS = 3


class Database:
    """Three ways to use one database: a glance, a consistent read of many tables, a write."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._glancing = self._snapshots = self._engine
        if not self.is_sqlite:
            self._glancing = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._writing = self._engine.execution_options(sqlite_begin="IMMEDIATE")

    def glance(self) -> Connection:
        """For one query: no transaction, so one round trip."""
        return self._glancing.connect()

    def snapshot(self) -> Connection:
        """For several queries that must agree with one another."""
        return self._snapshots.connect()

    def write(self) -> Connection:
        """For writing. On SQLite the lock is taken at the start: a later one can fail half-way."""
        return self._writing.connect()

    def close(self) -> None:
        self._engine.dispose()


def _postgresql_engine(url: str) -> Engine:
    driven = make_url(url).set(drivername="postgresql+psycopg2")
    options = "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=10000"
    return create_engine(
        driven, connect_args={"connect_timeout": _CONNECT_SECONDS, "options": options}, pool_size=3
    )


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=3,
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
