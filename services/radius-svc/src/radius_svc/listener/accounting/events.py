"""Accounting packets as events: what the NAS reported, in columns of radacct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, Final, cast

from radius_svc.domain.acct_unique_id import acct_unique_id
from radius_svc.domain.evidence import Evidence
from radius_svc.domain.simultaneous_use import boot_digit
from radius_svc.listener.index.entries import Index, NasEntry
from radius_svc.protocol.packet import (
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

START: Final = 1
STOP: Final = 2
INTERIM_UPDATE: Final = 3
ACCOUNTING_ON: Final = 7
ACCOUNTING_OFF: Final = 8

# A longer Acct-Delay-Time means that the clock or the queue of the NAS is broken.
_MAX_DELAY_SECONDS: Final = 86_400
_LARGEST_BIGINT: Final = (1 << 63) - 1

_SERVICE_TYPES: Final = {1: "Login-User", 2: "Framed-User", 5: "Outbound-User", 8: "Authenticate-Only"}
_FRAMED_PROTOCOLS: Final = {1: "PPP", 2: "SLIP"}
_PORT_TYPES: Final = {
    0: "Async",
    5: "Virtual",
    15: "Ethernet",
    19: "Wireless-802.11",
    32: "PPPoA",
    33: "PPPoEoA",
    34: "PPPoEoE",
    35: "PPPoEoVLAN",
}
_AUTHENTIC: Final = {1: "RADIUS", 2: "Local", 3: "Remote"}
# RFC 2866 section 5.10
_TERMINATE_CAUSES: Final = dict(
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


# Attributes and their columns in radacct: texts, and numbers that are stored by name.
_TEXTS: Final = (
    (ACCT_SESSION_ID, "acctsessionid"),
    (CALLED_STATION_ID, "calledstationid"),
)
_NAMED: Final = (
    (NAS_PORT_TYPE, "nasporttype", _PORT_TYPES),
    (ACCT_AUTHENTIC, "acctauthentic", _AUTHENTIC),
    (SERVICE_TYPE, "servicetype", _SERVICE_TYPES),
    (FRAMED_PROTOCOL, "framedprotocol", _FRAMED_PROTOCOLS),
)
_NAMED_KINDS: Final = tuple(kind for kind, _column, _names in _NAMED)
_NO_COUNTERS: Final = {"acctsessiontime": 0, "acctinputoctets": 0, "acctoutputoctets": 0}
_PREFIXES: Final = (
    (FRAMED_IPV6_PREFIX, "framedipv6prefix"),
    (DELEGATED_IPV6_PREFIX, "delegatedipv6prefix"),
)
_ADDRESSES: Final = (
    (FRAMED_IP_ADDRESS, "framedipaddress"),
    (FRAMED_IPV6_ADDRESS, "framedipv6address"),
)


class Kind(Enum):
    """Kinds of events that are written in the same way."""

    START = "start"
    NEWS = "interim or stop"
    RESTART = "restart of a NAS"


class SessionReport:
    """What a Start, Interim-Update or Stop reports, in columns of radacct. Attributes not sent are left out.

    `said` is what is sent to a database that already has the rest. For an Interim-Update or Stop these are
    the columns that can change during a session; the others are the same in every report and read only on
    demand. `said` also leaves out what can be derived: counters of 0, and the time of the report of a Start
    or Stop, which equals the start or end of the session. `row` has all columns.
    """

    __slots__ = ("_read_constant", "_row", "kind", "nas", "said")

    def __init__(
        self,
        nas: NasEntry,
        kind: Kind,
        said: dict[str, Any],
        read_constant: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self.nas, self.kind, self.said = nas, kind, said
        self._read_constant = read_constant
        self._row: dict[str, Any] | None = None

    @property
    def unique_id(self) -> str:
        return cast(str, self.said["acctuniqueid"])

    @property
    def row(self) -> dict[str, Any]:
        if self._row is None:
            self._row = _completed(self.kind, self._read_constant() | self.said)
        return self._row

    @property
    def boot_digit(self) -> str | None:
        """Of a Start: the boot of the NAS in which the session started, if the session id contains it."""
        return boot_digit(self.said["acctsessionid"]) if self.nas.is_mikrotik else None


@dataclass(frozen=True, slots=True)
class NasRestart:
    """Accounting-On or Accounting-Off: all sessions that started before `at` are over."""

    nas: NasEntry
    nas_address: str
    at: datetime
    evidence: Evidence
    kind: Kind = Kind.RESTART


Event = SessionReport | NasRestart


def read_event(request: Request, nas: NasEntry, index: Index, received_at: datetime) -> Event | None:
    """The event in an Accounting-Request; None for a status type that is acknowledged and ignored.

    Raises Malformed if a required attribute is missing or invalid (RFC 2866 section 4.1: drop it silently).
    """
    status = request.integer(ACCT_STATUS_TYPE)
    if status is None:
        raise Malformed("no status type")
    delay = min(request.integer(ACCT_DELAY_TIME) or 0, _MAX_DELAY_SECONDS)
    at = received_at - timedelta(seconds=delay) if delay else received_at
    nas_address = request.address(NAS_IPV6_ADDRESS) or request.address(NAS_IP_ADDRESS) or nas.address
    if status in (ACCOUNTING_ON, ACCOUNTING_OFF):
        evidence = Evidence.ACCOUNTING_ON if status == ACCOUNTING_ON else Evidence.ACCOUNTING_OFF
        return NasRestart(nas=nas, nas_address=nas_address, at=at, evidence=evidence)
    if status not in (START, STOP, INTERIM_UPDATE):
        return None
    request.check_integers(_NAMED_KINDS)  # `row` reads them later, when it is too late to refuse the packet
    said = _changing(request, nas, nas_address)
    username = request.text(USER_NAME) or ""
    account = index.logins.get(username)
    if account is not None:
        said["service_id"] = account.service_id
    if status == START:
        said |= _constant(request, username, nas_address, at)
        if delay:
            said["received_at"] = received_at
        _put(said, "connectinfo_start", request.text(CONNECT_INFO))
        return SessionReport(nas, Kind.START, said)
    if status == STOP:
        said["acctstoptime"] = at
        _put(said, "acctterminatecause", _name(request, ACCT_TERMINATE_CAUSE, _TERMINATE_CAUSES))
        _put(said, "connectinfo_stop", request.text(CONNECT_INFO))
    else:
        said["acctupdatetime"] = at
    began = at - timedelta(seconds=said.get("acctsessiontime", 0))
    return SessionReport(nas, Kind.NEWS, said, partial(_constant, request, username, nas_address, began))


def _changing(request: Request, nas: NasEntry, nas_address: str) -> dict[str, Any]:
    """The columns that can change during a session."""
    attributes = request.attributes
    session_id = attributes.get(ACCT_SESSION_ID)
    if not session_id:
        raise Malformed("no session id")
    unique_id = acct_unique_id(
        username=attributes.get(USER_NAME, b""),
        session_id=session_id,
        nas_address=nas_address,
        nas_identifier=attributes.get(NAS_IDENTIFIER, b""),
        nas_port_id=attributes.get(NAS_PORT_ID, b""),
        nas_port=request.integer(NAS_PORT),
    )
    changing: dict[str, Any] = {"acctuniqueid": unique_id}
    _put(changing, "acctsessiontime", request.integer(ACCT_SESSION_TIME) or None)
    _put(changing, "acctinputoctets", _octets(request, ACCT_INPUT_OCTETS, ACCT_INPUT_GIGAWORDS) or None)
    _put(changing, "acctoutputoctets", _octets(request, ACCT_OUTPUT_OCTETS, ACCT_OUTPUT_GIGAWORDS) or None)
    _put(changing, "router_id", nas.router_id)
    _put(changing, "callingstationid", request.text(CALLING_STATION_ID))
    for kind, column in _ADDRESSES:
        if kind in attributes:
            changing[column] = request.address(kind)
    for kind, column in _PREFIXES:
        if kind in attributes:
            changing[column] = request.ipv6_prefix(kind)
    if FRAMED_INTERFACE_ID in attributes:
        changing["framedinterfaceid"] = attributes[FRAMED_INTERFACE_ID].hex(":", 2)
    return changing


def _completed(kind: Kind, row: dict[str, Any]) -> dict[str, Any]:
    """Add what can be derived.

    statements.begin_sessions and report_on_sessions have the same rules in SQL.
    """
    follows = {**_NO_COUNTERS, "acctupdatetime": row.get("acctstoptime") or row["acctstarttime"]}
    if kind is Kind.START:
        follows["received_at"] = row["acctstarttime"]
    return follows | row


def _constant(request: Request, username: str, nas_address: str, began: datetime) -> dict[str, Any]:
    """The columns that are the same in every report of a session, and when it started."""
    row: dict[str, Any] = {"username": username, "nasipaddress": nas_address, "acctstarttime": began}
    for kind, column in _TEXTS:
        _put(row, column, request.text(kind))
    nas_port = request.integer(NAS_PORT)
    _put(row, "nasportid", request.text(NAS_PORT_ID) or (None if nas_port is None else str(nas_port)))
    for kind, column, names in _NAMED:
        _put(row, column, _name(request, kind, names))
    if CLASS in request.attributes:
        row["class"] = "0x" + request.attributes[CLASS].hex()
    return row


def _put(row: dict[str, Any], column: str, value: object | None) -> None:
    if value is not None:
        row[column] = value


def _octets(request: Request, low: int, high: int) -> int:
    """A counter with its gigawords, which count the overflows of 32 bits (RFC 2869 section 5.1)."""
    counted = (request.integer(high) or 0) << 32 | (request.integer(low) or 0)
    return min(counted, _LARGEST_BIGINT)


def _name(request: Request, kind: int, names: dict[int, str]) -> str | None:
    number = request.integer(kind)
    return None if number is None else names.get(number, str(number))
