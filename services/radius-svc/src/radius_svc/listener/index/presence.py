"""The heartbeat of a listener in the database: that it is alive, and up to which change it has read."""

from __future__ import annotations

import time

from servicekit.clock import machine_now
from sqlalchemy import delete, insert, update

from radius_svc.listener.database import ListenerDatabase
from radius_svc.models import ListenerState

HEARTBEAT_SECONDS = 2.0


class Presence:
    """One row per listener address, so that a restarted listener reuses its old row."""

    def __init__(self, database: ListenerDatabase, name: str) -> None:
        self._database = database
        self._name = name
        self._seen_seq: int | None = None
        self._published_at = 0.0

    def publish(self, seq: int) -> None:
        """Store that changes up to `seq` are in force here; every two seconds if `seq` is unchanged.

        Raises SQLAlchemyError.
        """
        if seq == self._seen_seq and time.monotonic() - self._published_at < HEARTBEAT_SECONDS:
            return
        # Also if it fails, so that it is not retried every 25 ms.
        self._seen_seq, self._published_at = seq, time.monotonic()
        values = {"applied_seq": seq, "heartbeat_at": machine_now()}
        with self._database.write() as connection, connection.begin():
            known = update(ListenerState).where(ListenerState.id == self._name).values(values)
            if connection.execute(known).rowcount == 0:
                connection.execute(insert(ListenerState).values(id=self._name, **values))

    def withdraw(self) -> None:
        """Delete the row, because this listener stops cleanly. Raises SQLAlchemyError."""
        with self._database.write() as connection, connection.begin():
            connection.execute(delete(ListenerState).where(ListenerState.id == self._name))
