"""Accounting events into radacct, many in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from servicekit.logs import log
from sqlalchemy.exc import DataError, IntegrityError

from radius_svc.domain.replaced_sessions import OpenLine, replaced_sessions
from radius_svc.listener import statements
from radius_svc.listener.background import BackgroundStatement
from radius_svc.listener.database import Database
from radius_svc.listener.events import Event, NasRestart, SessionReport
from radius_svc.listener.prepared import Prepared

_NOTHING_SAID = dict.fromkeys(statements.WRITTEN)


class AccountingStore:
    """Writes events, many in one transaction. Used by one thread.

    Nearly all that routers report is that a session begins, lives on or has ended. On PostgreSQL one
    statement settles that, while the thread does something else (`begin`, `end`). What it leaves, and on
    SQLite everything, is written by a transaction of several.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_sqlite = is_sqlite = database.is_sqlite
        upsert = statements.upsert_from_values() if is_sqlite else statements.upsert_from_json()
        self._upsert = Prepared("isp_upsert", upsert, is_sqlite=is_sqlite)
        set_aside = statements.set_reused_ids_aside(is_sqlite=is_sqlite)
        self._set_aside = Prepared("isp_set_aside", set_aside, is_sqlite=is_sqlite)
        open_lines = statements.open_lines(is_sqlite=is_sqlite)
        self._open_lines = Prepared("isp_open_lines", open_lines, is_sqlite=is_sqlite)
        close_replaced = statements.close_replaced(is_sqlite=is_sqlite)
        self._close_replaced = Prepared("isp_close_replaced", close_replaced, is_sqlite=is_sqlite)
        self._background = None
        if not is_sqlite:
            settle = Prepared("isp_settle", statements.settle_in_one(), is_sqlite=False)
            self._background = BackgroundStatement(database, settle)
        self._under_way: list[SessionReport] = []
        self._left: list[Event] = []
        self._boot_digits: dict[int, str] = {}

    def begin(self, events: Sequence[Event]) -> None:
        """Have them written. `end` must be called before anything else."""
        self._under_way, self._left = [], list(events)
        if self._background is not None and self._background.is_connected:
            begun, news, self._left = self._divided(events)
            self._under_way = begun + news
            rows = {"begun": [start.row for start in begun], "news": [report.news for report in news]}
            self._background.begin({name: _json(said) for name, said in rows.items()})

    @property
    def waits_for(self) -> tuple[int, int] | None:
        """A file descriptor and what for (as in select.poll), while what was begun is under way."""
        return None if self._background is None else self._background.waits_for

    def is_over(self) -> bool:
        """Whether `end` may be called now."""
        return self._background is None or self._background.is_over()

    def end(self) -> list[Event]:
        """All that was begun is on disk when this returns, but for what it returns: that the database refuses
        for what it says. Raises SQLAlchemyError."""
        settled: set[str] = set()
        if self._under_way and self._background is not None:
            settled = {unique_id for (unique_id,) in self._background.rows() or ()}
        left = [*(report for report in self._under_way if report.unique_id not in settled), *self._left]
        refused = self.write_what_is_accepted(left) if left else []
        if self._background is not None and not self._background.is_connected:
            self._background.connect()
        return refused

    def _divided(
        self, events: Sequence[Event]
    ) -> tuple[list[SessionReport], list[SessionReport], list[Event]]:
        """Of different sessions: Starts, each of another login; what is new about others. What is left."""
        begun: dict[str, SessionReport] = {}
        news: dict[str, SessionReport] = {}
        logins: set[str] = set()
        left: list[Event] = []
        for event in events:
            if not isinstance(event, SessionReport) or event.unique_id in begun or event.unique_id in news:
                left.append(event)
            elif not event.started:
                news[event.unique_id] = event
            elif event.row["username"] in logins or self._tells_of_a_reboot(event):
                left.append(event)
            else:
                begun[event.unique_id] = event
                logins.add(event.row["username"])
        return _in_order(begun), _in_order(news), left

    def write_what_is_accepted(self, events: Sequence[Event]) -> list[Event]:
        """Write all the database takes; returns what it refuses for what it says. Raises SQLAlchemyError."""
        try:
            self.write(events)
        except (DataError, IntegrityError) as error:
            if len(events) == 1:
                log.error("the database refuses an accounting packet", error=type(error).__name__)
                return list(events)
            return [refused for event in events for refused in self.write_what_is_accepted([event])]
        return []

    def write(self, events: Sequence[Event]) -> None:
        """All or nothing; when this returns they are on disk. Raises SQLAlchemyError."""
        reports = [event for event in events if isinstance(event, SessionReport)]
        restarts = [event for event in events if isinstance(event, NasRestart)]
        starts = [report for report in reports if report.started]
        reboots = {
            (start.nas.id, start.boot_digit): start for start in starts if self._tells_of_a_reboot(start)
        }
        with self._database.write() as connection, connection.begin():
            if starts:
                earliest = min(start.row["acctstarttime"] for start in starts)
                ids = [start.unique_id for start in starts]
                before = earliest - statements.REUSED_AFTER
                self._set_aside.execute(connection, {"ids": ids, "before": before})
            for reports_of_different_sessions in _rounds(reports):
                rows = [report.row for report in _in_order(reports_of_different_sessions)]
                self._upsert.execute(connection, self._rows(rows))
            if starts:
                names = list({start.row["username"] for start in starts})
                lines = map(OpenLine._make, self._open_lines.execute(connection, {"names": names}))
                over = [{"id": id_, "at": at} for id_, at in replaced_sessions(lines).items()]
                if over:
                    self._close_replaced.execute(connection, self._rows(over))
            for start in reboots.values():
                connection.execute(statements.close_earlier_boots(start))
            for restart in restarts:
                connection.execute(statements.close_all_sessions(restart))
        self._boot_digits.update({start.nas.id: start.boot_digit or "" for start in reboots.values()})

    def _rows(self, rows: list[dict[str, Any]]) -> Any:
        """As the parameters of a statement."""
        return [_NOTHING_SAID | row for row in rows] if self._is_sqlite else {"rows": _json(rows)}

    def _tells_of_a_reboot(self, start: SessionReport) -> bool:
        """Whether its boot digit differs from the NAS's last one."""
        digit = start.boot_digit
        return digit is not None and self._boot_digits.get(start.nas.id) != digit


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _in_order(reports: dict[str, SessionReport]) -> list[SessionReport]:
    """In one order, so that two writers cannot wait for each other."""
    return [reports[unique_id] for unique_id in sorted(reports)]


def _rounds(reports: Iterable[SessionReport]) -> list[dict[str, SessionReport]]:
    """The reports in rounds with each session at most once: a statement may not meet a row twice."""
    rounds: list[dict[str, SessionReport]] = []
    seen: Counter[str] = Counter()
    for report in reports:
        number = seen[report.unique_id]
        seen[report.unique_id] += 1
        if number == len(rounds):
            rounds.append({})
        rounds[number][report.unique_id] = report
    return rounds
