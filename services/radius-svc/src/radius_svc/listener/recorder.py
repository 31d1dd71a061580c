"""What the hot path notices and somebody else writes down: refused logins, routers heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, update

from radius_svc.listener import metrics
from radius_svc.listener.authenticate import RejectReason
from radius_svc.listener.database import Database
from radius_svc.listener.index import NasEntry
from radius_svc.listener.packet import CALLED_STATION_ID, CALLING_STATION_ID, USER_NAME, Request
from radius_svc.models import Nas, RadPostAuth

_REJECTS_WAITING = 10_000
_REJECTS_PER_WRITE = 1_000
_RADPOSTAUTH: Table = RadPostAuth.__table__  # type: ignore[assignment]
_NAS: Table = Nas.__table__  # type: ignore[assignment]
_HEARD_EVERY = timedelta(minutes=1)


class Recorder:
    """Any thread may note; one thread writes. Noting never waits: when the queue is full it forgets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rejects: deque[dict[str, Any]] = deque()
        self._heard: dict[int, datetime] = {}
        self._mismatched: dict[int, datetime] = {}
        self._written: dict[tuple[str, int], datetime] = {}

    def note_reject(self, request: Request, reason: RejectReason, at: datetime) -> None:
        if len(self._rejects) >= _REJECTS_WAITING:
            metrics.DROPPED.labels("access", "reject_not_recorded").inc()
            return
        self._rejects.append(
            {
                "username": request.text(USER_NAME) or "",
                "pass": "",
                "reply": "Access-Reject",
                "calledstationid": request.text(CALLED_STATION_ID),
                "callingstationid": request.text(CALLING_STATION_ID),
                "authdate": at,
                "reason": reason.value,
            }
        )

    def note_heard(self, nas: NasEntry, at: datetime) -> None:
        self._heard[nas.id] = at

    def note_secret_mismatch(self, nas: NasEntry, at: datetime) -> None:
        self._mismatched[nas.id] = at

    def write(self) -> None:
        """Write what is due. Raises SQLAlchemyError, and then keeps it for the next time."""
        heard = self._due("last_heard_at", self._heard)
        mismatched = self._due("last_secret_mismatch_at", self._mismatched)
        rejects = [self._rejects.popleft() for _ in range(min(len(self._rejects), _REJECTS_PER_WRITE))]
        if not (heard or mismatched or rejects):
            return
        try:
            with self._database.write() as connection, connection.begin():
                if rejects:
                    connection.execute(insert(_RADPOSTAUTH), rejects)
                self._write_instants(connection, "last_heard_at", heard)
                self._write_instants(connection, "last_secret_mismatch_at", mismatched)
        except BaseException:
            self._rejects.extendleft(reversed(rejects))
            raise
        for column, due in (("last_heard_at", heard), ("last_secret_mismatch_at", mismatched)):
            self._written.update({(column, nas_id): at for nas_id, at in due})

    def _due(self, column: str, noted: dict[int, datetime]) -> list[tuple[int, datetime]]:
        """Of each NAS at most one a minute. A clock that was set back does not silence it."""
        due = []
        for nas_id, at in list(noted.items()):
            written = self._written.get((column, nas_id))
            if written is None or abs(at - written) >= _HEARD_EVERY:
                due.append((nas_id, at))
        return due

    @staticmethod
    def _write_instants(connection: Connection, column: str, due: Iterable[tuple[int, datetime]]) -> None:
        for nas_id, at in due:
            connection.execute(update(_NAS).where(_NAS.c.id == nas_id).values({column: at}))
