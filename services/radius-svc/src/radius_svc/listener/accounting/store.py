"""Writes accounting events into radacct, many per transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from servicekit.logs import log
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from radius_svc.domain.replaced_sessions import OpenLine, replaced_sessions
from radius_svc.listener.accounting import statements
from radius_svc.listener.accounting.background import BackgroundConnection
from radius_svc.listener.accounting.events import Event, Kind, NasRestart, SessionReport
from radius_svc.listener.accounting.prepared import Prepared
from radius_svc.listener.database import ListenerDatabase

_NOTHING_SAID = dict.fromkeys(statements.WRITTEN)


class AccountingStore:
    """Writes events, many per transaction. Not thread-safe.

    Nearly all events say that a session has started, continues or has ended. On PostgreSQL a single
    statement writes a batch of those in the background (see `begin`). The remaining events, and all events
    on SQLite, are written by a transaction with several statements (see `write`).
    """

    def __init__(self, database: ListenerDatabase) -> None:
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
        self._background: BackgroundConnection | None = None
        if not is_sqlite:
            self._begin_sessions = Prepared("isp_begin", statements.begin_sessions(), is_sqlite=False)
            self._report = Prepared("isp_report", statements.report_on_sessions(), is_sqlite=False)
            self._background = BackgroundConnection(database, (self._begin_sessions, self._report))
        self._boot_digits: dict[int, str] = {}

    @property
    def writes_in_background(self) -> bool:
        """Whether `begin` writes in the background, if all events are of one kind."""
        return self._background is not None and self._background.is_connected

    def prepare(self) -> None:
        """Call this now and then while nothing is being written and the database is available."""
        if self._background is not None:
            self._background.connect_if_due()

    def begin(self, events: Sequence[Event]) -> Writing:
        """Start writing a batch; finish it before starting the next."""
        background = self._background
        if background is None or not background.is_connected:
            return Writing(self, None, [], list(events))
        sent, left = self._divided(events)
        if not sent:
            return Writing(self, None, [], left)
        if sent[0].kind is Kind.START:
            background.begin(self._begin_sessions, {"rows": _json([start.said for start in sent])})
        else:
            background.begin(self._report, {"rows": _json([report.said for report in sent])})
        return Writing(self, background, sent, left)

    def _divided(self, events: Sequence[Event]) -> tuple[list[SessionReport], list[Event]]:
        """The events that one statement can write, and the others.

        One statement can write one event per session, and if they are Starts, one per login.
        """
        sent: dict[str, SessionReport] = {}
        logins: set[str] = set()
        left: list[Event] = []
        for event in events:
            if isinstance(event, NasRestart) or event.kind is not events[0].kind or event.unique_id in sent:
                left.append(event)
            elif event.kind is Kind.NEWS:
                sent[event.unique_id] = event
            elif event.said["username"] in logins or self._tells_of_a_reboot(event):
                left.append(event)
            else:
                sent[event.unique_id] = event
                logins.add(event.said["username"])
        return _in_order(sent), left

    def write_what_is_accepted(self, events: Sequence[Event]) -> list[Event]:
        """Write all events the database accepts.

        Returns those with invalid values. Raises SQLAlchemyError.
        """
        try:
            self.write(events)
        except (DataError, IntegrityError) as error:
            if len(events) > 1:
                return [refused for event in events for refused in self.write_what_is_accepted([event])]
            log.error("the database refused an accounting packet", error=type(error).__name__)
            return list(events)
        return []

    def write(self, events: Sequence[Event]) -> None:
        """Write all events or none. When this returns, they are on disk. Raises SQLAlchemyError."""
        reports = [event for event in events if isinstance(event, SessionReport)]
        restarts = [event for event in events if isinstance(event, NasRestart)]
        starts = [report for report in reports if report.kind is Kind.START]
        reboots = {
            (start.nas.id, start.boot_digit): start for start in starts if self._tells_of_a_reboot(start)
        }
        with self._database.write() as connection, connection.begin():
            if starts:
                earliest = min(start.said["acctstarttime"] for start in starts)
                ids = [start.unique_id for start in starts]
                before = earliest - statements.REUSED_AFTER
                self._set_aside.execute(connection, {"ids": ids, "before": before})
            for reports_of_different_sessions in _rounds(reports):
                rows = [_NOTHING_SAID | report.row for report in _in_order(reports_of_different_sessions)]
                self._upsert.execute(connection, self._rows(rows))
            if starts:
                self._close_what_they_replace(connection, starts)
            for start in reboots.values():
                connection.execute(statements.close_earlier_boots(start))
            for restart in restarts:
                connection.execute(statements.close_all_sessions(restart))
        self._boot_digits.update({start.nas.id: start.boot_digit or "" for start in reboots.values()})

    def close_replaced(self, starts: Sequence[SessionReport]) -> None:
        """Close the sessions that these Starts, already written, replace. Raises SQLAlchemyError."""
        with self._database.write() as connection, connection.begin():
            self._close_what_they_replace(connection, starts)

    def _close_what_they_replace(self, connection: Connection, starts: Sequence[SessionReport]) -> None:
        names = list({start.said["username"] for start in starts})
        lines = map(OpenLine._make, self._open_lines.execute(connection, {"names": names}))
        over = [{"id": id_, "at": at} for id_, at in replaced_sessions(lines).items()]
        if over:
            self._close_replaced.execute(connection, self._rows(over))

    def _rows(self, rows: list[dict[str, Any]]) -> Any:
        """The rows as parameters of a statement."""
        return rows if self._is_sqlite else {"rows": _json(rows)}

    def _tells_of_a_reboot(self, start: SessionReport) -> bool:
        """Whether the boot digit differs from the last one of the NAS."""
        digit = start.boot_digit
        return digit is not None and self._boot_digits.get(start.nas.id) != digit


class Writing:
    """A batch that is being written: `sent` in the background, `left` for a transaction at the end."""

    def __init__(
        self,
        store: AccountingStore,
        background: BackgroundConnection | None,
        sent: list[SessionReport],
        left: list[Event],
    ) -> None:
        self._store, self._background = store, background
        self._sent, self._left = sent, left

    @property
    def waits_for(self) -> tuple[int, int] | None:
        """The file descriptor and event to wait for (as in select.poll); None if there is nothing."""
        return self._background.waits_for if self._sent and self._background is not None else None

    def is_over(self) -> bool:
        """Whether `end` does not have to wait for the background."""
        return not self._sent or self._background is None or self._background.is_over()

    def end(self) -> list[Event]:
        """Finish writing. Returns the events with values the database refuses; all others are on disk.

        Raises SQLAlchemyError.
        """
        written: dict[str, bool] = {}
        if self._sent and self._background is not None:
            written = dict(self._background.rows() or ())
        left = [*(report for report in self._sent if report.unique_id not in written), *self._left]
        refused = self._store.write_what_is_accepted(left) if left else []
        if not_alone := [report for report in self._sent if written.get(report.unique_id) is False]:
            self._store.close_replaced(not_alone)
        return refused


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _in_order(reports: dict[str, SessionReport]) -> list[SessionReport]:
    """In a fixed order, so that two writers cannot wait for each other."""
    return [reports[unique_id] for unique_id in sorted(reports)]


def _rounds(reports: Iterable[SessionReport]) -> list[dict[str, SessionReport]]:
    """The reports in rounds with each session at most once: a statement must not update a row twice."""
    rounds: list[dict[str, SessionReport]] = []
    seen: Counter[str] = Counter()
    for report in reports:
        number = seen[report.unique_id]
        seen[report.unique_id] += 1
        if number == len(rounds):
            rounds.append({})
        rounds[number][report.unique_id] = report
    return rounds
