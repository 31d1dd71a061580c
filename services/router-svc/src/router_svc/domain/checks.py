"""Which values a router can have. Each check returns the cleaned value, or raises InvalidInput."""

from __future__ import annotations

import ipaddress

from contracts.common import InvalidInput

MAX_NAME_LENGTH = 100
MAX_SECRET_OCTETS = 128
BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def name(value: str) -> str:
    """A name, without surrounding spaces."""
    value = value.strip()
    if not value or len(value) > MAX_NAME_LENGTH or not value.isprintable():
        raise InvalidInput.of("name", f"must be 1 to {MAX_NAME_LENGTH} printable characters")
    return value


def nas_address(value: str) -> str:
    """The IP address that the router's RADIUS packets come from."""
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        raise InvalidInput.of(
            "nas_address", f"{value!r} is not an IP address, such as 192.168.88.1"
        ) from None
    if address.is_multicast or address.is_unspecified or address == BROADCAST:
        raise InvalidInput.of("nas_address", f"{value} is not the address of a router; use a unicast address")
    return str(address)


def radius_secret(value: str) -> str:
    """A RADIUS secret of 1 to 128 octets.

    RFC 2865 section 3 recommends at least 16. Shorter ones are accepted because old routers have them.
    """
    if not value.isprintable() or not 1 <= len(value.encode()) <= MAX_SECRET_OCTETS:
        raise InvalidInput.of("radius_secret", f"must be 1 to {MAX_SECRET_OCTETS} printable characters")
    return value


def port(value: int) -> int:
    """The UDP port on which the router listens for CoA-Requests and Disconnect-Requests."""
    if not 0 < value < 65536:
        raise InvalidInput.of("coa_port", "must be between 1 and 65535; the RouterOS default is 3799")
    return value
