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
    BigInteger,
    Column,
    ColumnClause,
    ColumnElement,
    Connection,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from radius_svc.domain.replaced_sessions import OpenLine, replaced_sessions
from radius_svc.listener.database import Database
from radius_svc.listener.events import Event, NasRestart, SessionReport
from radius_svc.listener.index import NasEntry
from radius_svc.listener.prepared import Prepared
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
        self._is_sqlite = is_sqlite = database.is_sqlite
        upsert = _upsert_from_values() if is_sqlite else _upsert_from_json()
        self._upsert = Prepared("isp_upsert", upsert, is_sqlite=is_sqlite)
        set_aside = _set_reused_ids_aside(is_sqlite=is_sqlite)
        self._set_aside = Prepared("isp_set_aside", set_aside, is_sqlite=is_sqlite)
        self._open_lines = Prepared("isp_open_lines", _open_lines(is_sqlite=is_sqlite), is_sqlite=is_sqlite)
        close_replaced = _close_replaced(is_sqlite=is_sqlite)
        self._close_replaced = Prepared("isp_close_replaced", close_replaced, is_sqlite=is_sqlite)
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
                earliest = min(start.row["acctstarttime"] for start in starts)
                ids = [start.row["acctuniqueid"] for start in starts]
                self._set_aside.execute(connection, {"ids": ids, "before": earliest - _REUSED_AFTER})
            for reports_of_different_sessions in _rounds(reports):
                self._write_rows(connection, [report.row for report in reports_of_different_sessions])
            if starts:
                names = list({start.row["username"] for start in starts})
                lines = map(OpenLine._make, self._open_lines.execute(connection, {"names": names}))
                over = [{"id": id_, "at": at} for id_, at in replaced_sessions(lines).items()]
                if over:
                    self._close_replaced.execute(connection, self._rows(over))
            for report in reboots:
                connection.execute(_close_earlier_boots(report))
            for restart in restarts:
                connection.execute(_close_all_sessions(restart))
        self._boot_digits.update({report.nas.id: report.boot_digit or "" for report in reboots})

    def _write_rows(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        # In one order, so that two writers cannot wait for each other.
        rows.sort(key=itemgetter("acctuniqueid"))
        self._upsert.execute(connection, self._rows(rows))

    def _rows(self, rows: list[dict[str, Any]]) -> Any:
        """As the parameters of a statement."""
        if self._is_sqlite:
            return rows
        said = [{name: value for name, value in row.items() if value is not None} for row in rows]
        return {"rows": msgspec.json.encode(said).decode()}

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
    """For PostgreSQL."""
    columns = [_RADACCT.c[name] for name in _WRITTEN]
    said = _from_json("said", [column(known.name, known.type) for known in columns])
    return _on_conflict_merge(
        postgresql.insert(_RADACCT).from_select(columns, select(*said.c)), is_sqlite=False
    )


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
        changes[name] = greatest(func.coalesce(here[name], literal_column("0")), said[name])
    for name in _FIRST_KEPT:
        changes[name] = func.coalesce(here[name], said[name])
    for name in _LAST_KEPT:
        changes[name] = func.coalesce(said[name], here[name])
    return insert.on_conflict_do_update(index_elements=["acctuniqueid"], set_=changes)


def _a_little_after(column: Column[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    if is_sqlite:
        return func.strftime("%Y-%m-%d %H:%M:%f", column, f"+{_REOPENED_AFTER_SECONDS} seconds")
    return column + text(f"interval '{_REOPENED_AFTER_SECONDS} seconds'")


def _set_reused_ids_aside(*, is_sqlite: bool) -> Update:
    """A Start for a session that ended long ago is another session with the same id. Both must be kept.

    Parameters: `ids` of the sessions that began, and `before`.
    """
    table = _RADACCT
    return (
        update(table)
        .where(
            _one_of(table.c.acctuniqueid, "ids", is_sqlite=is_sqlite),
            table.c.acctstoptime < bindparam("before"),
        )
        .values(acctuniqueid=table.c.acctuniqueid.concat(literal_column("'-'")).concat(table.c.radacctid))
    )


def _open_lines(*, is_sqlite: bool) -> Select[*tuple[Any, ...]]:
    """The columns of OpenLine, of the open sessions of the logins that began one. Parameter: `names`."""
    table = _RADACCT.c
    return select(
        table.radacctid,
        table.username,
        func.coalesce(table.router_id, cast(table.nasipaddress, Text)),
        table.nasportid,
        table.callingstationid,
        table.acctstarttime,
    ).where(
        _one_of(table.username, "names", is_sqlite=is_sqlite),
        table.acctstoptime.is_(None),
        table.acctstarttime.is_not(None),
    )


def _one_of(known: Column[Any], values: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """On PostgreSQL an array: one statement whatever the number of values, to be compiled once."""
    if is_sqlite:
        return known.in_(bindparam(values, expanding=True))
    return known == any_(bindparam(values, type_=postgresql.ARRAY(Text)))


def _close_replaced(*, is_sqlite: bool) -> Update:
    """In two steps, and this one by the key: joined to itself, radacct would be read again for every session
    for as long as the statistics of the database have seen few that are open.

    Parameters: `id` and `at` of each on SQLite, `rows` with all of them on PostgreSQL.
    """
    table = _RADACCT.c
    ended_by_newer = {"acctterminatecause": "Lost-Carrier", "closed_on_evidence": "newer-start"}
    values: dict[str, ColumnElement[Any]] = {
        name: literal_column(f"'{value}'") for name, value in ended_by_newer.items()
    }
    close = update(_RADACCT).where(table.acctstoptime.is_(None))
    if is_sqlite:
        values["acctstoptime"] = bindparam("at")
        return close.where(table.radacctid == bindparam("id")).values(values)
    over = _from_json("over", [column("id", BigInteger), column("at", table.acctstoptime.type)])
    return close.where(table.radacctid == over.c.id).values(values | {"acctstoptime": over.c.at})


def _from_json(name: str, columns: Sequence[ColumnClause[Any]]) -> TableValuedAlias:
    """The rows of the one parameter `rows`, so that a batch is one statement whatever its size."""
    rows = func.json_to_recordset(bindparam("rows", type_=Text).cast(JSON))
    return rows.table_valued(*columns).render_derived(name=name, with_types=True)


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
