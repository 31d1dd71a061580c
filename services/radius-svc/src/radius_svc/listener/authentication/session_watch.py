"""Who is on line, as far as Simultaneous-Use has to know.

Two steps, because an Access-Request waits for no database. A hint in memory, from the sessions that began,
says whether a login could be at its limit: for nearly all it says no. For the others the open sessions are
read from radacct by a thread of its own, while the answer waits. What cannot be found out in time lets the
login in: a full database must not keep a paying customer off line.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from servicekit.clock import Clock
from servicekit.logs import log
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.domain.simultaneous_use import Dial, OpenSession, exceeds_limit, mac
from radius_svc.listener.database import Database, rows_in_turns
from radius_svc.listener.stopping import Stopping
from radius_svc.models import RadAcct

DECIDED_WITHIN_SECONDS = 0.5
REFRESH_SECONDS = 1.0
RELOAD_SECONDS = 600.0
_WAITING_QUESTIONS = 1_000
# How many sessions others may have begun while one is being written: many batches of accounting.
_READ_AGAIN = 4_000


class Doubt:
    """A login that may be at its limit. `exceeded` is None until it is known."""

    __slots__ = ("dial", "exceeded", "limit", "overdue_at", "username")

    def __init__(self, username: str, limit: int, dial: Dial, overdue_at: float) -> None:
        self.username, self.limit, self.dial = username, limit, dial
        self.overdue_at = overdue_at
        self.exceeded: bool | None = None

    def is_over(self, now: float) -> bool:
        return self.exceeded is not None or now >= self.overdue_at


class SessionWatch:
    """`may_exceed` and `ask` are for the thread that answers; `run` is a thread of its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._stations: dict[str, tuple[bytes | None, ...]] = {}
        self._questions: queue.SimpleQueue[Doubt] = queue.SimpleQueue()
        self._newest = self._read_to = 0
        self._refresh_at = self._reload_at = 0.0
        self._failing = False

    def may_exceed(self, username: str, limit: int, calling_station_id: bytes | None) -> bool:
        """Whether there are signs of sessions elsewhere. No is certain, but for the last second or two, and
        for what was committed while thousands of others began."""
        stations = self._stations.get(username)
        if stations is None or len(stations) < limit:
            return False
        own = mac(calling_station_id)
        return len(stations) - (stations.count(own) if own is not None else 0) >= limit

    def ask(self, username: str, limit: int, dial: Dial, now: float) -> Doubt | None:
        """Have it found out; None if too many wait already."""
        if self._questions.qsize() >= _WAITING_QUESTIONS:
            return None
        doubt = Doubt(username, limit, dial, now + DECIDED_WITHIN_SECONDS)
        self._questions.put(doubt)
        return doubt

    def run(self, stopping: Stopping) -> None:
        while not stopping.is_set():
            self.refresh_if_due()
            try:
                doubt = self._questions.get(timeout=REFRESH_SECONDS / 4)
            except queue.Empty:
                continue
            self._attempt(partial(self._settle, doubt))

    def refresh_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + REFRESH_SECONDS
            self._attempt(self._reload if now >= self._reload_at else self._refresh)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except SQLAlchemyError as error:
            if not self._failing:
                log.error("open sessions cannot be read", error=type(error).__name__)
            self._failing = True
        else:
            self._failing = False

    def _reload(self) -> None:
        """Forget the sessions that ended meanwhile."""
        stations: dict[str, tuple[bytes | None, ...]] = {}
        self._add_begun(stations, after=0)
        self._stations = stations
        self._reload_at = time.monotonic() + RELOAD_SECONDS

    def _refresh(self) -> None:
        self._add_begun(self._stations, after=self._read_to)

    def _add_begun(self, stations: dict[str, tuple[bytes | None, ...]], *, after: int) -> None:
        """The next time it goes on where it ended the time before this, because a session may be committed
        after a later one; of thousands it reads not all twice."""
        begun = (
            select(RadAcct.radacctid, RadAcct.username, RadAcct.callingstationid)
            .where(RadAcct.acctstoptime.is_(None), RadAcct.radacctid > after)
            .order_by(RadAcct.radacctid)
        )
        last: deque[int] = deque(maxlen=_READ_AGAIN)
        with self._database.snapshot() as connection:
            for radacctid, username, calling_station_id in rows_in_turns(connection, begun):
                last.append(radacctid)
                known, station = stations.get(username or "", ()), mac(calling_station_id)
                if station is None or station not in known:
                    stations[username or ""] = (*known, station)
        if last:
            self._read_to = max(self._newest, last[0] - 1 if len(last) == _READ_AGAIN else 0)
            self._newest = last[-1]

    def _settle(self, doubt: Doubt) -> None:
        with self._database.snapshot() as connection:
            sessions = list(_open_sessions(connection, doubt.username))
        self._stations[doubt.username] = tuple(mac(session.calling_station_id) for session in sessions)
        doubt.exceeded = exceeds_limit(sessions, doubt.limit, doubt.dial, self._clock.now())


def _open_sessions(connection: Connection, username: str) -> Iterable[OpenSession]:
    rows = connection.execute(
        select(
            RadAcct.callingstationid,
            RadAcct.acctsessionid,
            RadAcct.router_id,
            RadAcct.acctupdatetime,
            RadAcct.acctstarttime,
        ).where(RadAcct.username == username, RadAcct.acctstoptime.is_(None))
    )
    for row in rows:
        heard_at = row.acctupdatetime or row.acctstarttime
        if heard_at is not None:
            yield OpenSession(row.callingstationid, row.acctsessionid, row.router_id, heard_at)
