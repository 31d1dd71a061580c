"""Checks whether a login has reached its limit of simultaneous sessions (Simultaneous-Use).

There are two steps, because answering Access-Requests must not wait for the database. First, a hint in
memory, made from the sessions that have started, says whether a login could be at its limit. For nearly all
logins it says no. For the others a separate thread reads the open sessions from radacct while the answer is
delayed. If they cannot be read in time, the login is accepted: a slow database must not keep a paying
customer offline.
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
from radius_svc.listener.database import ListenerDatabase, rows_in_turns
from radius_svc.listener.stopping import Stopping
from radius_svc.models import RadAcct

MAX_CHECK_SECONDS = 0.5
REFRESH_SECONDS = 1.0
RELOAD_SECONDS = 600.0
_MAX_WAITING = 1_000
# How many sessions may have started while one is being written: many batches of accounting.
_READ_AGAIN = 4_000


class LimitCheck:
    """A check whether a login has reached its limit. `exceeded` is None until it is known."""

    __slots__ = ("dial", "exceeded", "limit", "overdue_at", "username")

    def __init__(self, username: str, limit: int, dial: Dial, overdue_at: float) -> None:
        self.username, self.limit, self.dial = username, limit, dial
        self.overdue_at = overdue_at
        self.exceeded: bool | None = None

    def is_over(self, now: float) -> bool:
        """Whether the result is known, or it is too late. `now` is the monotonic clock in seconds."""
        return self.exceeded is not None or now >= self.overdue_at


class SessionWatch:
    """The thread that answers packets calls `may_exceed` and `start_check`; another one executes `run`."""

    def __init__(self, database: ListenerDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._stations: dict[str, tuple[bytes | None, ...]] = {}
        self._checks: queue.SimpleQueue[LimitCheck] = queue.SimpleQueue()
        self._newest = self._read_to = 0
        self._refresh_at = self._reload_at = 0.0
        self._failing = False

    def may_exceed(self, username: str, limit: int, calling_station_id: bytes | None) -> bool:
        """Whether the login may have reached its limit with sessions of other stations.

        False is certain, except for sessions of the last second or two, and for those committed while
        thousands of others started.
        """
        stations = self._stations.get(username)
        if stations is None or len(stations) < limit:
            return False
        own = mac(calling_station_id)
        return len(stations) - (stations.count(own) if own is not None else 0) >= limit

    def start_check(self, username: str, limit: int, dial: Dial, now: float) -> LimitCheck | None:
        """Have another thread count the sessions; None if too many checks are waiting already."""
        if self._checks.qsize() >= _MAX_WAITING:
            return None
        check = LimitCheck(username, limit, dial, now + MAX_CHECK_SECONDS)
        self._checks.put(check)
        return check

    def run(self, stopping: Stopping) -> None:
        while not stopping.is_set():
            self.refresh_if_due()
            try:
                check = self._checks.get(timeout=REFRESH_SECONDS / 4)
            except queue.Empty:
                continue
            self._attempt(partial(self._finish, check))

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
                log.error("cannot read open sessions", error=type(error).__name__)
            self._failing = True
        else:
            self._failing = False

    def _reload(self) -> None:
        """Read all open sessions again, to forget those that have ended."""
        stations: dict[str, tuple[bytes | None, ...]] = {}
        self._add_begun(stations, after=0)
        self._stations = stations
        self._reload_at = time.monotonic() + RELOAD_SECONDS

    def _refresh(self) -> None:
        self._add_begun(self._stations, after=self._read_to)

    def _add_begun(self, stations: dict[str, tuple[bytes | None, ...]], *, after: int) -> None:
        """Add the sessions that have started after this `radacctid`.

        The next call reads some of them again, because a session can be committed after one with a higher
        number, but not all of them if there are thousands.
        """
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

    def _finish(self, check: LimitCheck) -> None:
        with self._database.snapshot() as connection:
            sessions = list(_open_sessions(connection, check.username))
        self._stations[check.username] = tuple(mac(session.calling_station_id) for session in sessions)
        check.exceeded = exceeds_limit(sessions, check.limit, check.dial, self._clock.now())


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
