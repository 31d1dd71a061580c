"""Refused logins and signs of life of routers: noted by the hot path, written by another thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from contracts.radius import RejectReason
from servicekit.clock import Clock
from servicekit.logs import log
from sqlalchemy import Connection, Table, insert, update
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.database import ListenerDatabase
from radius_svc.listener.index.entries import NasEntry
from radius_svc.listener.stopping import Stopping
from radius_svc.models import Nas, RadPostAuth
from radius_svc.protocol.packet import CALLED_STATION_ID, CALLING_STATION_ID, USER_NAME, Request

_WRITE_EVERY_SECONDS = 1.0
_REJECTS_WAITING = 10_000
_REJECTS_PER_WRITE = 1_000
_RADPOSTAUTH: Table = RadPostAuth.__table__  # type: ignore[assignment]
_NAS: Table = Nas.__table__  # type: ignore[assignment]
_HEARD_EVERY = timedelta(minutes=1)
_REPEATS_EVERY = timedelta(minutes=1)


class Recorder:
    """Any thread may note; one thread writes. Noting never blocks: if the queue is full, the note is lost."""

    def __init__(self, database: ListenerDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rejects: deque[dict[str, Any]] = deque()
        self._repeated: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._heard: set[int] = set()
        self._mismatched: set[int] = set()
        self._written: dict[tuple[str, int], datetime] = {}

    def note_reject(self, request: Request, reason: RejectReason, at: datetime, *, repeated: bool) -> None:
        """Note a refused login.

        `repeated` ones of the same login, MAC and reason become one row per minute.
        """
        if repeated:
            who = (request.attributes.get(USER_NAME), request.attributes.get(CALLING_STATION_ID), reason)
            row = self._repeated.get(who)
            if row is not None:
                row["repeats"] += 1
                return
        if len(self._rejects) + len(self._repeated) >= _REJECTS_WAITING:
            metrics.DROPPED.labels("access", "reject_not_recorded").inc()
            return
        row = {
            "username": request.text(USER_NAME) or "",
            "pass": "",
            "reply": "Access-Reject",
            "calledstationid": request.text(CALLED_STATION_ID),
            "callingstationid": request.text(CALLING_STATION_ID),
            "authdate": at,
            "reason": reason.value,
            "repeats": 1 if repeated else None,
        }
        if repeated:
            self._repeated[who] = row
        else:
            self._rejects.append(row)

    def note_heard(self, nas: NasEntry) -> None:
        """Note that the router sent a valid packet."""
        self._heard.add(nas.id)

    def note_secret_mismatch(self, nas: NasEntry) -> None:
        """Note that a packet of the router was signed with a wrong secret."""
        self._mismatched.add(nas.id)

    def run(self, stopping: Stopping) -> None:
        """Write the notes every second until the process must stop, then write the rest."""
        failing = False
        while True:
            last = stopping.wait(_WRITE_EVERY_SECONDS)
            try:
                self.write(everything=last)
                failing = False
            except SQLAlchemyError as error:  # kept for the next time
                if not failing:
                    log.error("cannot write refused logins", error=type(error).__name__)
                failing = True
            if last:
                return

    def write(self, *, everything: bool = False) -> None:
        """Write the notes that are due. Raises SQLAlchemyError; then the refused logins are kept."""
        now = self._clock.now()
        self._close_repeated(now, everything=everything)
        # Signs of life that are not due are dropped: writing them later would give them a wrong time.
        heard = self._due("last_heard_at", _taken(self._heard), now)
        mismatched = self._due("last_secret_mismatch_at", _taken(self._mismatched), now)
        rejects = [self._rejects.popleft() for _ in range(min(len(self._rejects), _REJECTS_PER_WRITE))]
        if not (heard or mismatched or rejects):
            return
        try:
            with self._database.write() as connection, connection.begin():
                if rejects:
                    connection.execute(insert(_RADPOSTAUTH), rejects)
                self._write_instant(connection, "last_heard_at", heard, now)
                self._write_instant(connection, "last_secret_mismatch_at", mismatched, now)
        except BaseException:
            self._rejects.extendleft(reversed(rejects))
            raise
        self._written.update({("last_heard_at", nas_id): now for nas_id in heard})
        self._written.update({("last_secret_mismatch_at", nas_id): now for nas_id in mismatched})

    def _close_repeated(self, now: datetime, *, everything: bool) -> None:
        """Queue the rows that have collected repeated refusals for a minute."""
        for who, row in list(self._repeated.items()):
            if everything or abs(now - row["authdate"]) >= _REPEATS_EVERY:
                self._rejects.append(self._repeated.pop(who))

    def _due(self, column: str, noted: Iterable[int], now: datetime) -> list[int]:
        """The routers whose time may be written: once a minute, or if the clock was set back."""
        return [
            nas_id
            for nas_id in noted
            if (written := self._written.get((column, nas_id))) is None or abs(now - written) >= _HEARD_EVERY
        ]

    @staticmethod
    def _write_instant(connection: Connection, column: str, due: Iterable[int], at: datetime) -> None:
        for nas_id in due:
            connection.execute(update(_NAS).where(_NAS.c.id == nas_id).values({column: at}))


def _taken(noted: set[int]) -> list[int]:
    """Empty the set and return what it contained. A note of another thread may get lost in between."""
    taken = list(noted)
    noted.clear()
    return taken
