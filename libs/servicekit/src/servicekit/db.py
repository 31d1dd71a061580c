"""Databases: SQLite or PostgreSQL, one per service, with the same code for both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Enum,
    Index,
    Integer,
    Table,
    TextClause,
    create_engine,
    event,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, CursorResult, Dialect, Engine
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.types import TypeDecorator

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
MAX_WRITE_WAIT_SECONDS = 10.0
MAX_READ_WAIT_MILLISECONDS = 100
POOL_SIZE = 10
POOL_OVERFLOW = 10
PING_AFTER_SECONDS = 1.0
POSTGRES_OPTIONS = " ".join(
    (
        "-c timezone=UTC",
        "-c statement_timeout=60000",
        "-c lock_timeout=10000",
        "-c idle_in_transaction_session_timeout=60000",
    )
)

# What SQLAlchemy raises if the problem is the database, not the statement.
DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeout)


class DatabaseBusy(OperationalError):
    """Another writer held the SQLite database for longer than MAX_WRITE_WAIT_SECONDS."""

    def __init__(self, url: str) -> None:
        super().__init__(
            "BEGIN IMMEDIATE", None, Exception(f"{url} stayed locked for {MAX_WRITE_WAIT_SECONDS:g} s")
        )


class NestedTransaction(RuntimeError):
    """A transaction was opened inside another one: a bug, and a deadlock on SQLite."""


class UtcDateTime(TypeDecorator):
    """An instant with a time zone, stored in UTC. SQLite drops the zone, so it is added again on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a time zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(enum: type[StrEnum]) -> Enum:
    """A text column for the values of `enum`. A check constraint refuses anything else."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def partial_index(name: str, *columns: str, where: str | TextClause, unique: bool = False) -> Index:
    """An index, or a uniqueness, of only the rows that meet `where`, on both databases.

    PostgreSQL uses it only for queries that contain the same condition.
    """
    condition = text(where) if isinstance(where, str) else where
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def is_set(flag: InstrumentedAttribute[bool]) -> ColumnElement[bool]:
    """Whether a boolean column is true, written as in `partial_index(..., where="flag")`.

    A database uses a partial index only for its own condition. SQLAlchemy writes `flag = 1` for SQLite.
    """
    return Grouping(flag.expression)


def is_unset(flag: InstrumentedAttribute[bool]) -> ColumnElement[bool]:
    """Whether a boolean column is false, written as in `partial_index(..., where="NOT flag")`.

    SQLAlchemy writes `flag IS false`, which neither database takes for the same condition.
    """
    return cast("ColumnElement[bool]", ~type_coerce(flag, Integer))


def insert_if_absent(session: Session, table: type[DeclarativeBase], **values: Any) -> bool:
    """Insert a row unless its key exists already; True if it was inserted.

    On PostgreSQL, this waits until a concurrent insert of the same key is committed or rolled back.
    """
    if session.autoflush:
        session.flush()
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    # Into the table and not the class: the ORM would prepare for objects, which takes as long as the rest.
    rows = cast(Table, table.__table__)
    return rows_changed(session, insert(rows).values(**values).on_conflict_do_nothing()) == 1


def rows_changed(session: Session, statement: UpdateBase) -> int:
    """Run an insert, update or delete. Returns the number of rows it affected."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


class Database:
    """A service's database: `transaction()` to write, `reading()` to read. Hold neither during an RPC."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer at a time. Waiting for it here lets other greenthreads run; waiting inside
        # SQLite would stop the whole process.
        self._writer = threading.Lock()
        self._mine = threading.local()  # per thread or greenthread: whether it has a transaction open
        # All statements of one reading() see the same state, on PostgreSQL as on SQLite.
        self._snapshots = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self._after_commit: dict[str, list[Callable[[], None]]] = {}

    def after_commit(self, mark: str, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit of a transaction that set `session.info[mark]`."""
        self._after_commit.setdefault(mark, []).append(wake)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One write transaction, committed at the end and rolled back on any exception.

        Raises NestedTransaction inside another one of the same greenthread, and DatabaseBusy.
        """
        with self._not_nested(), self._one_writer(), Session(self.engine, expire_on_commit=False) as session:
            self._begin_writing(session)
            yield session
            session.commit()
            for mark, waiting in self._after_commit.items():
                if session.info.get(mark):
                    for wake in waiting:
                        wake()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view of the database. Nothing may be written."""
        with Session(self._snapshots) as session:
            yield session

    def check(self) -> None:
        """Raises the driver's error if the database isn't responding."""
        with self.engine.connect() as connection:
            connection.execute(text("select 1"))

    @property
    def url_shown(self) -> str:
        """The URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _not_nested(self) -> Iterator[None]:
        if getattr(self._mine, "in_transaction", False):
            raise NestedTransaction(
                f"{self.url_shown}: this greenthread already has a transaction open; pass its session on"
            )
        self._mine.in_transaction = True
        try:
            yield
        finally:
            self._mine.in_transaction = False

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._writer.acquire(timeout=MAX_WRITE_WAIT_SECONDS):
            raise DatabaseBusy(self.url)
        try:
            yield
        finally:
            self._writer.release()

    def _begin_writing(self, session: Session) -> None:
        """Take the write lock at the start: upgrading from a read later would fail instead of waiting."""
        options = {"ispos_write": True}
        if not self.is_sqlite:
            session.connection(execution_options=options)
            return
        deadline = time.monotonic() + MAX_WRITE_WAIT_SECONDS
        pause = 0.002
        while True:
            try:
                session.connection(execution_options=options)
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) and "busy" not in str(error.orig):
                    raise
                session.rollback()
                if time.monotonic() > deadline:
                    raise DatabaseBusy(self.url) from error
                time.sleep(pause)
                pause = min(pause * 2, 0.05)


def _make_engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg2://", 1),
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_use_lifo=True,  # the connection used last needs no ping
        pool_timeout=10,
        hide_parameters=True,  # errors are logged and stored with events, and parameters may be secret
        connect_args={"connect_timeout": 5, "options": POSTGRES_OPTIONS},
    )
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", partial(_ping_after_idling, engine))
    return engine


def _note_idle(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _ping_after_idling(engine: Engine, connection: Any, record: Any, _proxy: Any) -> None:
    """Like pool_pre_ping, but not for a connection that was in use a moment ago: pinging each time takes a
    tenth of the time of a page. Raises InvalidatePoolError, which makes the pool connect again."""
    if time.monotonic() - record.info.get("idle_since", 0.0) < PING_AFTER_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError() from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # _begin_sqlite sends BEGIN
    # FULL: a commit is on disk before it is acknowledged. With WAL, NORMAL can lose the last ones.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("ispos_write")
    # Waiting inside SQLite stops the whole process. A writer does not wait there at all: it sleeps, green,
    # and tries again. Readers hardly ever have to wait (while another process opens or closes the file).
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {0 if writing else MAX_READ_WAIT_MILLISECONDS}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
