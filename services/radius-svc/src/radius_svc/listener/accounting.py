"""Accounting packets as events, and their effect on radacct.

An event says what the NAS said; the statements below make retransmission and reordering harmless: counters
only grow, the first Start gives the start, the NAS's Stop is final. Many events go into one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Update,
    and_,
    case,
    func,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from radius_svc.domain.acct_unique_id import acct_unique_id
from radius_svc.listener.database import Database
from radius_svc.listener.index import Index, NasEntry
from radius_svc.listener.packet import (
    ACCT_AUTHENTIC,
    ACCT_DELAY_TIME,
    ACCT_INPUT_GIGAWORDS,
    ACCT_INPUT_OCTETS,
    ACCT_OUTPUT_GIGAWORDS,
    ACCT_OUTPUT_OCTETS,
    ACCT_SESSION_ID,
    ACCT_SESSION_TIME,
    ACCT_STATUS_TYPE,
    ACCT_TERMINATE_CAUSE,
    CALLED_STATION_ID,
    CALLING_STATION_ID,
    CLASS,
    CONNECT_INFO,
    DELEGATED_IPV6_PREFIX,
    FRAMED_INTERFACE_ID,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_IPV6_PREFIX,
    FRAMED_PROTOCOL,
    NAS_IDENTIFIER,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    NAS_PORT,
    NAS_PORT_ID,
    NAS_PORT_TYPE,
    SERVICE_TYPE,
    USER_NAME,
    Malformed,
    Request,
)
from radius_svc.models import RadAcct

START = 1
STOP = 2
INTERIM_UPDATE = 3
ACCOUNTING_ON = 7
ACCOUNTING_OFF = 8

# A packet held back longer than this is a NAS whose clock or queue is broken.
_LONGEST_DELAY_SECONDS = 86_400
_LARGEST_BIGINT = (1 << 63) - 1

# Octets a moment late prove nothing; octets this long after we closed a session prove it lives.
_REOPENED_AFTER_SECONDS = 5
# Session ids come again after some reboots. Nobody retransmits a Start for this long.
_REUSED_AFTER = timedelta(hours=1)

_SERVICE_TYPES = {1: "Login-User", 2: "Framed-User", 5: "Outbound-User", 8: "Authenticate-Only"}
_FRAMED_PROTOCOLS = {1: "PPP", 2: "SLIP"}
_PORT_TYPES = {
    0: "Async",
    5: "Virtual",
    15: "Ethernet",
    19: "Wireless-802.11",
    32: "PPPoA",
    33: "PPPoEoA",
    34: "PPPoEoE",
    35: "PPPoEoVLAN",
}
_AUTHENTIC = {1: "RADIUS", 2: "Local", 3: "Remote"}
# RFC 2866 5.10
_TERMINATE_CAUSES = dict(
    enumerate(
        (
            "User-Request",
            "Lost-Carrier",
            "Lost-Service",
            "Idle-Timeout",
            "Session-Timeout",
            "Admin-Reset",
            "Admin-Reboot",
            "Port-Error",
            "NAS-Error",
            "NAS-Request",
            "NAS-Reboot",
            "Port-Unneeded",
            "Port-Preempted",
            "Port-Suspended",
            "Service-Unavailable",
            "Callback",
            "User-Error",
            "Host-Request",
        ),
        start=1,
    )
)


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What a Start, Interim-Update or Stop says: a row of radacct."""

    nas: NasEntry
    started: bool
    row: dict[str, Any]

    @property
    def boot_digit(self) -> str | None:
        """The third symbol of a MikroTik session id (`81` PPPoE, boot digit, counter of five symbols)."""
        session_id: str = self.row["acctsessionid"]
        if self.nas.is_mikrotik and len(session_id) == 8 and session_id[0] == "8":
            return session_id[2].lower()
        return None


@dataclass(frozen=True, slots=True)
class NasRestart:
    """Accounting-On or -Off: no session from before `at` lives."""

    nas: NasEntry
    nas_address: str
    at: datetime
    evidence: str


Event = SessionReport | NasRestart


def read_event(request: Request, nas: NasEntry, index: Index, received_at: datetime) -> Event | None:
    """What an Accounting-Request says; None for a status type we acknowledge and ignore.

    Raises Malformed if an attribute it needs is missing or broken (RFC 2866 4.1: drop it silently).
    """
    status = request.integer(ACCT_STATUS_TYPE)
    if status is None:
        raise Malformed("no status type")
    delay = min(request.integer(ACCT_DELAY_TIME) or 0, _LONGEST_DELAY_SECONDS)
    at = received_at - timedelta(seconds=delay)
    nas_address = request.address(NAS_IPV6_ADDRESS) or request.address(NAS_IP_ADDRESS) or nas.address
    if status in (ACCOUNTING_ON, ACCOUNTING_OFF):
        evidence = "accounting-on" if status == ACCOUNTING_ON else "accounting-off"
        return NasRestart(nas=nas, nas_address=nas_address, at=at, evidence=evidence)
    if status not in (START, STOP, INTERIM_UPDATE):
        return None
    row = _row(request, nas, nas_address)
    account = index.accounts.get(row["username"])
    row["service_id"] = account.service_id if account is not None else None
    row["acctupdatetime"] = at
    row["acctstarttime"] = at - timedelta(seconds=0 if status == START else row["acctsessiontime"])
    row["received_at"] = received_at if status == START else None
    row["acctstoptime"] = at if status == STOP else None
    row["acctterminatecause"] = _named(request, ACCT_TERMINATE_CAUSE, _TERMINATE_CAUSES)
    connect_info = request.text(CONNECT_INFO)
    row["connectinfo_start"] = connect_info if status == START else None
    row["connectinfo_stop"] = connect_info if status == STOP else None
    return SessionReport(nas=nas, started=status == START, row=row)


def _row(request: Request, nas: NasEntry, nas_address: str) -> dict[str, Any]:
    """The columns every kind of report fills in alike."""
    session_id = request.attributes.get(ACCT_SESSION_ID)
    if not session_id:
        raise Malformed("no session id")
    nas_port = request.integer(NAS_PORT)
    port_id = request.text(NAS_PORT_ID)
    return {
        "acctsessionid": request.text(ACCT_SESSION_ID),
        "acctuniqueid": acct_unique_id(
            username=request.attributes.get(USER_NAME, b""),
            session_id=session_id,
            nas_address=nas_address,
            nas_identifier=request.attributes.get(NAS_IDENTIFIER, b""),
            nas_port_id=request.attributes.get(NAS_PORT_ID, b""),
            nas_port=nas_port,
        ),
        "username": request.text(USER_NAME) or "",
        "nasipaddress": nas_address,
        "nasportid": port_id if port_id or nas_port is None else str(nas_port),
        "nasporttype": _named(request, NAS_PORT_TYPE, _PORT_TYPES),
        "acctsessiontime": request.integer(ACCT_SESSION_TIME) or 0,
        "acctauthentic": _named(request, ACCT_AUTHENTIC, _AUTHENTIC),
        "acctinputoctets": _octets(request, ACCT_INPUT_OCTETS, ACCT_INPUT_GIGAWORDS),
        "acctoutputoctets": _octets(request, ACCT_OUTPUT_OCTETS, ACCT_OUTPUT_GIGAWORDS),
        "calledstationid": request.text(CALLED_STATION_ID),
        "callingstationid": request.text(CALLING_STATION_ID),
        "servicetype": _named(request, SERVICE_TYPE, _SERVICE_TYPES),
        "framedprotocol": _named(request, FRAMED_PROTOCOL, _FRAMED_PROTOCOLS),
        "framedipaddress": request.address(FRAMED_IP_ADDRESS),
        "framedipv6address": request.address(FRAMED_IPV6_ADDRESS),
        "framedipv6prefix": request.ipv6_prefix(FRAMED_IPV6_PREFIX),
        "framedinterfaceid": _interface_id(request),
        "delegatedipv6prefix": request.ipv6_prefix(DELEGATED_IPV6_PREFIX),
        "class": _hexadecimal(request.attributes.get(CLASS)),
        "router_id": nas.router_id,
    }


def _octets(request: Request, low: int, high: int) -> int:
    """RFC 2869 5.1: the counter wraps at 32 bits, the gigawords count how often."""
    counted = (request.integer(high) or 0) << 32 | (request.integer(low) or 0)
    return min(counted, _LARGEST_BIGINT)


def _named(request: Request, kind: int, names: dict[int, str]) -> str | None:
    number = request.integer(kind)
    return None if number is None else names.get(number, str(number))


def _interface_id(request: Request) -> str | None:
    value = request.attributes.get(FRAMED_INTERFACE_ID)
    return None if value is None else value.hex(":", 2)


def _hexadecimal(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


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


class AccountingStore:
    """Writes events, many in one transaction. Used by one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = _upsert_statement(is_sqlite=database.is_sqlite)
        self._boot_digits: dict[int, str] = {}

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
                connection.execute(self._upsert, [report.row for report in reports_of_different_sessions])
            if starts:
                connection.execute(_close_older_sessions(starts))
            for report in reboots:
                connection.execute(_close_earlier_boots(report))
            for restart in restarts:
                connection.execute(_close_all_sessions(restart))
        self._boot_digits.update({report.nas.id: report.boot_digit or "" for report in reboots})

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


def _upsert_statement(*, is_sqlite: bool) -> Any:
    insert = (sqlite.insert if is_sqlite else postgresql.insert)(_RADACCT)
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
    """One login on one port of one NAS has one session: the newest. The Stop of the older one was lost."""
    ids = [start.row["acctuniqueid"] for start in starts]
    names = {start.row["username"] for start in starts}
    older, newer = _RADACCT, _RADACCT.alias("newer")
    newest = (
        select(func.max(newer.c.acctstarttime))
        .where(
            newer.c.acctstoptime.is_(None),
            newer.c.username == older.c.username,
            newer.c.nasportid == older.c.nasportid,
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
