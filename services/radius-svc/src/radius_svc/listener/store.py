"""Accounting events and their effect on radacct, many in one transaction.

The statements make retransmission and reordering harmless: counters only grow, the first Start gives the
start, the NAS's Stop is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec
from servicekit.logs import log
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    column,
    func,
    null,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from radius_svc.listener.database import Database
from radius_svc.listener.events import Event, NasRestart, SessionReport
from radius_svc.listener.index import NasEntry
from radius_svc.models import RadAcct

# Octets a moment late prove nothing; octets this long after we closed a session prove it lives.
_REOPENED_AFTER_SECONDS = 5
# Session ids come again after some reboots. Nobody retransmits a Start for this long.
_REUSED_AFTER = timedelta(hours=1)

_RADACCT: Table = RadAcct.__table__  # type: ignore[assignment]
_GROWING = ("acctsessiontime", "acctinputoctets", "acctoutputoctets")
_FIRST_KEPT = (
    "username",
    "nasportid",
    "nasporttype",
    "acctauthentic",
    "connectinfo_start",
    "calledstationid",
    "callingstationid",
    "servicetype",
    "framedprotocol",
    "class",
    "service_id",
    "router_id",
    "received_at",
)
_LAST_KEPT = (
    "connectinfo_stop",
    "framedipaddress",
    "framedipv6address",
    "framedipv6prefix",
    "framedinterfaceid",
    "delegatedipv6prefix",
)
_WRITTEN = (
    "acctsessionid",
    "acctuniqueid",
    "nasipaddress",
    "acctstarttime",
    "acctupdatetime",
    "acctstoptime",
    "acctterminatecause",
    *_GROWING,
    *_FIRST_KEPT,
    *_LAST_KEPT,
)


class AccountingStore:
    """Writes events, many in one transaction. Used by one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = _upsert_from_values() if database.is_sqlite else _upsert_from_json()
        self._boot_digits: dict[int, str] = {}

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
        reboots = self._reboots(starts)
        with self._database.write() as connection, connection.begin():
            if starts:
                connection.execute(_set_reused_ids_aside(starts))
            for reports_of_different_sessions in _rounds(reports):
                self._write_rows(connection, [report.row for report in reports_of_different_sessions])
            if starts:
                connection.execute(_close_older_sessions(starts))
            for report in reboots:
                connection.execute(_close_earlier_boots(report))
            for restart in restarts:
                connection.execute(_close_all_sessions(restart))
        self._boot_digits.update({report.nas.id: report.boot_digit or "" for report in reboots})

    def _write_rows(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        if self._database.is_sqlite:
            connection.execute(self._upsert, rows)
            return
        # In one order, so that two writers cannot wait for each other.
        rows.sort(key=itemgetter("acctuniqueid"))
        connection.execute(self._upsert, {"rows": msgspec.json.encode(rows).decode()})

    def _reboots(self, starts: Iterable[SessionReport]) -> list[SessionReport]:
        """One Start for each boot digit that differs from the NAS's last one."""
        found = {
            (start.nas.id, start.boot_digit): start
            for start in starts
            if start.boot_digit is not None and self._boot_digits.get(start.nas.id) != start.boot_digit
        }
        return list(found.values())


def _rounds(reports: Iterable[SessionReport]) -> list[list[SessionReport]]:
    """The reports in rounds with each session at most once: an upsert may not meet a row twice."""
    rounds: list[list[SessionReport]] = []
    seen: dict[str, int] = {}
    for report in reports:
        number = seen.get(report.row["acctuniqueid"], 0)
        seen[report.row["acctuniqueid"]] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(report)
    return rounds


def _upsert_from_values() -> Any:
    """For SQLite: the rows are parameters, one set for each."""
    return _on_conflict_merge(sqlite.insert(_RADACCT), is_sqlite=True)


def _upsert_from_json() -> Any:
    """For PostgreSQL: all rows are one parameter, `rows`, so a batch is one statement whatever its size."""
    columns = [_RADACCT.c[name] for name in _WRITTEN]
    said = (
        func.json_to_recordset(bindparam("rows", type_=Text).cast(JSON))
        .table_valued(*(column(known.name, known.type) for known in columns))
        .render_derived(name="said", with_types=True)
    )
    insert = postgresql.insert(_RADACCT).from_select(columns, select(*said.c))
    return _on_conflict_merge(insert, is_sqlite=False)


def _on_conflict_merge(insert: Any, *, is_sqlite: bool) -> Any:
    greatest = func.max if is_sqlite else func.greatest
    here, said = _RADACCT.c, insert.excluded
    stopped_by_nas = and_(
        said.acctstoptime.is_not(None), or_(here.acctstoptime.is_(None), here.closed_on_evidence.is_not(None))
    )
    lives_after_all = and_(
        said.acctstoptime.is_(None),
        here.closed_on_evidence.is_not(None),
        said.acctupdatetime > _a_little_after(here.acctstoptime, is_sqlite=is_sqlite),
    )
    changes: dict[str, ColumnElement[Any]] = {
        "acctstarttime": case(
            (and_(said.received_at.is_not(None), here.received_at.is_(None)), said.acctstarttime),
            else_=func.coalesce(here.acctstarttime, said.acctstarttime),
        ),
        "acctupdatetime": greatest(
            func.coalesce(here.acctupdatetime, said.acctupdatetime), said.acctupdatetime
        ),
        "acctstoptime": case(
            (stopped_by_nas, said.acctstoptime), (lives_after_all, null()), else_=here.acctstoptime
        ),
        "acctterminatecause": case(
            (stopped_by_nas, said.acctterminatecause),
            (lives_after_all, null()),
            else_=here.acctterminatecause,
        ),
        "closed_on_evidence": case(
            (or_(stopped_by_nas, lives_after_all), null()), else_=here.closed_on_evidence
        ),
    }
    for name in _GROWING:
        changes[name] = greatest(func.coalesce(here[name], 0), said[name])
    for name in _FIRST_KEPT:
        changes[name] = func.coalesce(here[name], said[name])
    for name in _LAST_KEPT:
        changes[name] = func.coalesce(said[name], here[name])
    return insert.on_conflict_do_update(index_elements=["acctuniqueid"], set_=changes)


def _a_little_after(column: Column[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    if is_sqlite:
        return func.strftime("%Y-%m-%d %H:%M:%f", column, f"+{_REOPENED_AFTER_SECONDS} seconds")
    return column + text(f"interval '{_REOPENED_AFTER_SECONDS} seconds'")


def _set_reused_ids_aside(starts: Sequence[SessionReport]) -> Update:
    """A Start for a session that ended long ago is another session with the same id. Both must be kept."""
    ids = [start.row["acctuniqueid"] for start in starts]
    earliest = min(start.row["acctstarttime"] for start in starts)
    table = _RADACCT
    return (
        update(table)
        .where(table.c.acctuniqueid.in_(ids), table.c.acctstoptime < earliest - _REUSED_AFTER)
        .values(acctuniqueid=table.c.acctuniqueid.concat("-").concat(table.c.radacctid))
    )


def _close_older_sessions(starts: Sequence[SessionReport]) -> Update:
    """One home that dials on one port of one NAS has one session: the newest. The Stop of the older was lost.

    A MikroTik's port is the interface all its homes are behind: with another MAC it is another home.
    """
    ids = [start.row["acctuniqueid"] for start in starts]
    names = {start.row["username"] for start in starts}
    older, newer = _RADACCT, _RADACCT.alias("newer")
    newest = (
        select(func.max(newer.c.acctstarttime))
        .where(
            newer.c.acctstoptime.is_(None),
            newer.c.username == older.c.username,
            newer.c.nasportid == older.c.nasportid,
            func.coalesce(newer.c.callingstationid == older.c.callingstationid, true()),
            newer.c.acctstarttime > older.c.acctstarttime,
            or_(newer.c.acctuniqueid.in_(ids), older.c.acctuniqueid.in_(ids)),
            _same_nas(older, newer),
        )
        .correlate(older)
        .scalar_subquery()
    )
    return (
        update(older)
        .where(older.c.acctstoptime.is_(None), older.c.username.in_(names), newest.is_not(None))
        .values(acctstoptime=newest, acctterminatecause="Lost-Carrier", closed_on_evidence="newer-start")
    )


def _close_earlier_boots(start: SessionReport) -> Update:
    """A MikroTik counts its boots in the session id: sessions of another boot ended with it."""
    session_id = _RADACCT.c.acctsessionid
    statement = _close_sessions_of(
        start.nas, start.row["nasipaddress"], at=start.row["acctstarttime"], evidence="boot-digit"
    )
    return statement.where(
        func.length(session_id) == 8,
        func.substr(session_id, 1, 1) == "8",
        func.lower(func.substr(session_id, 3, 1)) != start.boot_digit,
    )


def _close_all_sessions(restart: NasRestart) -> Update:
    return _close_sessions_of(restart.nas, restart.nas_address, at=restart.at, evidence=restart.evidence)


def _close_sessions_of(nas: NasEntry, nas_address: str, *, at: datetime, evidence: str) -> Update:
    """Close what was open before `at`. A NAS is believed about its own sessions only, whatever it calls
    itself: where its router is known, that is what its rows are found by."""
    table = _RADACCT.c
    its_own = (
        table.router_id == nas.router_id
        if nas.router_id is not None
        else and_(table.router_id.is_(None), table.nasipaddress == nas_address)
    )
    return (
        update(_RADACCT)
        .where(table.acctstoptime.is_(None), its_own, table.acctstarttime < at)
        .values(acctstoptime=at, acctterminatecause="NAS-Reboot", closed_on_evidence=evidence)
    )


def _same_nas(left: Any, right: Any) -> ColumnElement[bool]:
    return or_(
        left.c.router_id == right.c.router_id,
        and_(
            left.c.router_id.is_(None),
            right.c.router_id.is_(None),
            left.c.nasipaddress == right.c.nasipaddress,
        ),
    )
