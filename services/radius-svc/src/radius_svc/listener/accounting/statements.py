"""The SQL statements that write accounting into radacct.

They make retransmissions and reordering harmless: counters only grow, the first Start sets the start time,
and the NAS's Stop is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnClause,
    ColumnElement,
    Select,
    Table,
    TableValuedAlias,
    Text,
    TextClause,
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
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from radius_svc.domain.evidence import Evidence
from radius_svc.listener.accounting.events import NasRestart, SessionReport
from radius_svc.listener.index.entries import NasEntry
from radius_svc.models import RadAcct

# A report a moment late proves nothing. A report this long after we closed a session proves that it is alive.
_REOPENED_AFTER = timedelta(seconds=5)
# Session ids are reused after some reboots. No NAS retransmits a Start for this long.
REUSED_AFTER = timedelta(hours=1)

RADACCT: Table = RadAcct.__table__  # type: ignore[assignment]
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
# As text, because in SQLAlchemy a subquery in RETURNING cannot refer to the returned row.
_IS_ALONE = (
    "NOT EXISTS (SELECT FROM radacct AS other WHERE other.username = radacct.username"
    " AND other.acctstoptime IS NULL AND other.acctuniqueid <> radacct.acctuniqueid)"
)
# The columns that an Interim-Update or Stop can change (SessionReport.said).
_CHANGING = (
    "acctuniqueid",
    "acctupdatetime",
    "acctstoptime",
    "acctterminatecause",
    "callingstationid",  # identifies the home, if it was missing in the Start
    "service_id",
    "router_id",
    *_GROWING,
    *_LAST_KEPT,
)
# The columns that a Start can set.
_AT_START = (
    "acctsessionid",
    "acctuniqueid",
    "nasipaddress",
    "acctstarttime",
    *_GROWING,
    *_FIRST_KEPT,
    *(name for name in _LAST_KEPT if name != "connectinfo_stop"),
)
WRITTEN = (
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


def upsert_from_values() -> Any:
    """For SQLite: one set of parameters per row."""
    return _on_conflict_merge(sqlite.insert(RADACCT), is_sqlite=True)


def upsert_from_json() -> Any:
    """For PostgreSQL: all rows in one parameter, as JSON."""
    return _on_conflict_merge(_insert(select(*_from_json("said", WRITTEN).c)), is_sqlite=False)


def begin_sessions() -> Any:
    """For PostgreSQL: writes Starts (SessionReport.said).

    Returns for each the acctuniqueid, and whether its login has no other open session. Skips a Start if its
    id is that of a session which ended long ago.
    """
    here, insert = RADACCT.c, _insert(_starts())
    is_id_of_before = here.acctstoptime < insert.excluded.acctstarttime - _interval(REUSED_AFTER)
    upsert = insert.on_conflict_do_update(
        index_elements=["acctuniqueid"],
        set_=_merged(insert.excluded, is_sqlite=False),
        where=is_id_of_before.is_not(true()),
    )
    return upsert.returning(here.acctuniqueid, literal_column(_IS_ALONE))


def report_on_sessions() -> Any:
    """For PostgreSQL: updates existing sessions (SessionReport.said).

    Returns for each the acctuniqueid and true.
    """
    said = _updates().subquery("said").c
    report = update(RADACCT).values(_merged(said, is_sqlite=False))
    is_there = RADACCT.c.acctuniqueid == said.acctuniqueid, RADACCT.c.acctstarttime.is_not(None)
    return report.where(*is_there).returning(RADACCT.c.acctuniqueid, true())


def _starts() -> Select[*tuple[Any, ...]]:
    sent = _from_json("sent", _AT_START).c
    follows = {name: func.coalesce(sent[name], literal_column("0")).label(name) for name in _GROWING}
    follows["received_at"] = func.coalesce(sent.received_at, sent.acctstarttime).label("received_at")
    said = [follows.get(name, sent[name]) for name in _AT_START]
    return select(*said, sent.acctstarttime.label("acctupdatetime"))


def _updates() -> Select[*tuple[Any, ...]]:
    """Missing counters (NULL) keep the stored ones, because `greatest` ignores NULL."""
    sent = _from_json("sent", _CHANGING).c
    heard_at = func.coalesce(sent.acctupdatetime, sent.acctstoptime).label("acctupdatetime")
    return select(*(heard_at if name == "acctupdatetime" else sent[name] for name in _CHANGING))


def _insert(said: Select[*tuple[Any, ...]]) -> postgresql.Insert:
    columns = [RADACCT.c[column.name] for column in said.selected_columns]
    return postgresql.insert(RADACCT).from_select(columns, said)


def _on_conflict_merge(insert: Any, *, is_sqlite: bool) -> Any:
    return insert.on_conflict_do_update(
        index_elements=["acctuniqueid"], set_=_merged(insert.excluded, is_sqlite=is_sqlite)
    )


def _merged(said: Any, *, is_sqlite: bool) -> dict[str, ColumnElement[Any]]:
    """For each column: how the stored value and the reported one (`said`) are merged."""
    greatest = func.max if is_sqlite else func.greatest
    here = RADACCT.c
    stopped_by_nas = and_(
        said.acctstoptime.is_not(None), or_(here.acctstoptime.is_(None), here.closed_on_evidence.is_not(None))
    )
    lives_after_all = and_(
        said.acctstoptime.is_(None),
        here.closed_on_evidence.is_not(None),
        said.acctupdatetime > _a_little_after(here.acctstoptime, is_sqlite=is_sqlite),
    )
    merged: dict[str, ColumnElement[Any]] = {
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
    if "acctstarttime" in said:
        merged["acctstarttime"] = case(
            (and_(said.received_at.is_not(None), here.received_at.is_(None)), said.acctstarttime),
            else_=func.coalesce(here.acctstarttime, said.acctstarttime),
        )
    for name in _GROWING:
        merged[name] = greatest(func.coalesce(here[name], literal_column("0")), said[name])
    for name in _FIRST_KEPT:
        if name in said:
            merged[name] = func.coalesce(here[name], said[name])
    for name in _LAST_KEPT:
        merged[name] = func.coalesce(said[name], here[name])
    return merged


def _a_little_after(column: Column[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    if is_sqlite:
        return func.strftime("%Y-%m-%d %H:%M:%f", column, f"+{_REOPENED_AFTER.total_seconds()} seconds")
    return column + _interval(_REOPENED_AFTER)


def _interval(duration: timedelta) -> TextClause:
    """As text instead of a parameter, because it never changes."""
    return text(f"interval '{duration.total_seconds()} seconds'")


def set_reused_ids_aside(*, is_sqlite: bool) -> Update:
    """Renames sessions that ended long ago and whose id is used again, so that both sessions are kept.

    Parameters: `ids` of the sessions that started, and `before`, the latest time at which the old ones ended.
    """
    table = RADACCT
    return (
        update(table)
        .where(
            _one_of(table.c.acctuniqueid, "ids", is_sqlite=is_sqlite),
            table.c.acctstoptime < bindparam("before"),
        )
        .values(acctuniqueid=table.c.acctuniqueid.concat(literal_column("'-'")).concat(table.c.radacctid))
    )


def open_lines(*, is_sqlite: bool) -> Select[*tuple[Any, ...]]:
    """The open sessions of these logins, in the columns of OpenLine. Parameter: `names`."""
    table = RADACCT.c
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
    """On PostgreSQL the values are an array, so that one compiled statement fits any number of them."""
    if is_sqlite:
        return known.in_(bindparam(values, expanding=True))
    return known == any_(bindparam(values, type_=postgresql.ARRAY(Text)))


def close_replaced(*, is_sqlite: bool) -> Update:
    """Closes replaced sessions by their key. `open_lines` finds them first, in a separate statement.

    A single statement would join radacct with itself, and PostgreSQL would read the table once per session as
    long as its statistics say that few sessions are open.

    Parameters: `id` and `at` of each session on SQLite, `rows` with all of them on PostgreSQL.
    """
    table = RADACCT.c
    ended_by_newer = {"acctterminatecause": "Lost-Carrier", "closed_on_evidence": Evidence.NEWER_START}
    values: dict[str, ColumnElement[Any]] = {
        name: literal_column(f"'{value}'") for name, value in ended_by_newer.items()
    }
    close = update(RADACCT).where(table.acctstoptime.is_(None))
    if is_sqlite:
        values["acctstoptime"] = bindparam("at")
        return close.where(table.radacctid == bindparam("id")).values(values)
    over = _rows_of_json("over", [column("id", BigInteger), column("at", table.acctstoptime.type)])
    return close.where(table.radacctid == over.c.id).values(values | {"acctstoptime": over.c.at})


def _from_json(name: str, columns: Iterable[str]) -> TableValuedAlias:
    """The rows in the JSON parameter as a table with these columns of radacct."""
    return _rows_of_json(name, [column(each, RADACCT.c[each].type) for each in columns])


def _rows_of_json(name: str, columns: Sequence[ColumnClause[Any]]) -> TableValuedAlias:
    rows = func.json_to_recordset(bindparam("rows", type_=Text).cast(JSON))
    return rows.table_valued(*columns).render_derived(name=name, with_types=True)


def close_earlier_boots(start: SessionReport) -> Update:
    """Closes the sessions of other boots of a MikroTik, which counts its boots in the session ids."""
    session_id, row = RADACCT.c.acctsessionid, start.row
    statement = _close_sessions_of(
        start.nas, row["nasipaddress"], at=row["acctstarttime"], evidence=Evidence.BOOT_DIGIT
    )
    return statement.where(
        func.length(session_id) == 8,
        func.substr(session_id, 1, 1) == "8",
        func.lower(func.substr(session_id, 3, 1)) != start.boot_digit,
    )


def close_all_sessions(restart: NasRestart) -> Update:
    """Closes the sessions that were open before a restart of their NAS."""
    return _close_sessions_of(restart.nas, restart.nas_address, at=restart.at, evidence=restart.evidence)


def _close_sessions_of(nas: NasEntry, nas_address: str, *, at: datetime, evidence: Evidence) -> Update:
    """Close the sessions of a NAS that were open before `at`.

    A NAS can close only its own sessions, whatever address it reports: if its router is known, its sessions
    are found by router id.
    """
    table = RADACCT.c
    its_own = (
        table.router_id == nas.router_id
        if nas.router_id is not None
        else and_(table.router_id.is_(None), table.nasipaddress == nas_address)
    )
    return (
        update(RADACCT)
        .where(table.acctstoptime.is_(None), its_own, table.acctstarttime < at)
        .values(acctstoptime=at, acctterminatecause="NAS-Reboot", closed_on_evidence=evidence)
    )
