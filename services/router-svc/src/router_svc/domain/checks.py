"""What may be entered for a router. Each check gives the cleaned value or raises InvalidInput."""

from __future__ import annotations

import ipaddress

from contracts.common import InvalidInput

MAX_NAME_LENGTH = 100
MAX_SECRET_OCTETS = 128
BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def name(value: str) -> str:
    value = value.strip()
    if not value or len(value) > MAX_NAME_LENGTH or not value.isprintable():
        raise InvalidInput.of("name", f"must be 1 to {MAX_NAME_LENGTH} printable characters")
    return value


def nas_address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        raise InvalidInput.of("nas_address", f"{value!r} is not an IP address") from None
    if address.is_multicast or address.is_unspecified or address == BROADCAST:
        raise InvalidInput.of("nas_address", f"{value} cannot be the source of RADIUS packets")
    return str(address)


def radius_secret(value: str) -> str:
    """RFC 2865 3 asks for at least 16 octets; shorter ones are common on old routers and let through."""
    if not value.isprintable() or not 1 <= len(value.encode()) <= MAX_SECRET_OCTETS:
        raise InvalidInput.of("radius_secret", f"must be 1 to {MAX_SECRET_OCTETS} printable characters")
    return value


def port(value: int) -> int:
    if not 0 < value < 65536:
        raise InvalidInput.of("coa_port", "must be a port from 1 to 65535; RouterOS listens on 3799")
    return value
