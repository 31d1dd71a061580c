"""Executes a statement on PostgreSQL while the calling thread does something else."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from servicekit.logs import log

from radius_svc.listener.accounting.prepared import Prepared
from radius_svc.listener.database import CONNECT_SECONDS, STATEMENT_SECONDS, ListenerDatabase

# Longer than the time-outs of PostgreSQL and TCP, for failures that neither notices.
_TIMEOUT_SECONDS = STATEMENT_SECONDS + 5
# How often to try to connect. Without this connection, events are written by ordinary transactions.
_RECONNECT_SECONDS = 5.0
_WAITING = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}


class BackgroundConnection:
    """Executes one prepared statement at a time, in psycopg2's asynchronous mode, without a thread.

    Each execution is a transaction. Errors are not raised: `rows` returns None if it is not known that the
    statement was executed. If the connection is lost, `connect_if_due` opens another one.
    """

    def __init__(self, database: ListenerDatabase, statements: Iterable[Prepared]) -> None:
        self._database, self._statements = database, tuple(statements)
        self._connection: Any = None
        self._cursor: Any = None
        self._waits_for: int | None = None
        self._connect_at = self._give_up_at = 0.0
        self._has_failed = False

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect_if_due(self) -> None:
        """Connect if there is no connection, and the last try is long enough ago. May block for 3 seconds."""
        if self._connection is not None or time.monotonic() < self._connect_at:
            return
        self._connect_at = time.monotonic() + _RECONNECT_SECONDS
        self._give_up_at = time.monotonic() + CONNECT_SECONDS
        try:
            self._connection = self._database.begin_to_connect()
            self._wait()
            self._cursor = self._connection.cursor()
            for statement in self._statements:
                self._cursor.execute(statement.preparation)
                self._wait()
        except psycopg2.Error as error:
            self._fail(error)

    def begin(self, statement: Prepared, parameters: Mapping[str, Any]) -> None:
        """Start executing a statement."""
        self._has_failed = False
        self._give_up_at = time.monotonic() + _TIMEOUT_SECONDS
        try:
            self._cursor.execute(statement.execution, statement.values(parameters))
            self._advance()
        except psycopg2.Error as error:
            self._fail(error)

    @property
    def waits_for(self) -> tuple[int, int] | None:
        """The file descriptor and event (select.POLLIN, POLLOUT) to wait for; None if nothing is running."""
        if self._waits_for is None:
            return None
        return self._connection.fileno(), self._waits_for

    def is_over(self) -> bool:
        """Whether the statement has finished or failed."""
        if self._waits_for is None:
            return True
        try:
            self._advance()
            if self._waits_for is not None and time.monotonic() >= self._give_up_at:
                raise psycopg2.OperationalError("no answer")
        except psycopg2.Error as error:
            self._fail(error)
        return self._waits_for is None

    def rows(self) -> list[tuple[Any, ...]] | None:
        """The rows the statement returned; None if it failed, or it is unknown whether it was executed."""
        if self._has_failed or self._connection is None:
            return None
        return list(self._cursor.fetchall())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None

    def _advance(self) -> None:
        state = self._connection.poll()
        self._waits_for = None if state == POLL_OK else _WAITING[state]

    def _wait(self) -> None:
        """Wait for PostgreSQL's answer. Raises psycopg2.Error, also after a time-out."""
        self._advance()
        while self._waits_for is not None:
            waiting = select.poll()
            waiting.register(self._connection, self._waits_for)
            if not waiting.poll(1000 * max(0.0, self._give_up_at - time.monotonic())):
                raise psycopg2.OperationalError("no answer")
            self._advance()

    def _fail(self, error: psycopg2.Error) -> None:
        log.warning("background statement failed", error=type(error).__name__)
        self._has_failed, self._waits_for = True, None
        if not isinstance(error, psycopg2.DataError | psycopg2.IntegrityError):
            self.close()
