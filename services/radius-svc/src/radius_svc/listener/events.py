"""Accounting packets as events: what the NAS said, in the columns of radacct."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from radius_svc.domain.acct_unique_id import acct_unique_id
from radius_svc.domain.simultaneous_use import boot_digit
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

START = 1
STOP = 2
INTERIM_UPDATE = 3
ACCOUNTING_ON = 7
ACCOUNTING_OFF = 8

# A packet held back longer than this is a NAS whose clock or queue is broken.
_LONGEST_DELAY_SECONDS = 86_400
_LARGEST_BIGINT = (1 << 63) - 1

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
        """Which boot of its NAS the session is of, where the NAS says so."""
        return boot_digit(self.row["acctsessionid"]) if self.nas.is_mikrotik else None


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
