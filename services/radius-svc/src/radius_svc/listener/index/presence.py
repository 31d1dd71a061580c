"""The sign of life a listener leaves in the database: that it answers, and up to which change."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import delete, insert, update

from radius_svc.listener.database import Database
from radius_svc.models import ListenerState

HEARTBEAT_SECONDS = 2.0


class Presence:
    """One row per listener address, so that a restarted listener takes its old row over."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._seen_seq: int | None = None
        self._told_at = 0.0

    def tell(self, seq: int) -> None:
        """Write down that changes up to `seq` are in force here; at most every two seconds if it is old news.

        Raises SQLAlchemyError.
        """
        if seq == self._seen_seq and time.monotonic() - self._told_at < HEARTBEAT_SECONDS:
            return
        # Also when it fails: it is not tried again every 25 ms.
        self._seen_seq, self._told_at = seq, time.monotonic()
        values = {"applied_seq": seq, "heartbeat_at": datetime.now(UTC)}
        with self._database.write() as connection, connection.begin():
            known = update(ListenerState).where(ListenerState.id == self._name).values(values)
            if connection.execute(known).rowcount == 0:
                connection.execute(insert(ListenerState).values(id=self._name, **values))

    def leave(self) -> None:
        """This listener stops in order. Raises SQLAlchemyError."""
        with self._database.write() as connection, connection.begin():
            connection.execute(delete(ListenerState).where(ListenerState.id == self._name))
