"""Reply attributes from rows of the standard tables: which rows win, and their octets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from radius_svc.protocol import attribute_names
from radius_svc.protocol.packet import MIKROTIK, attribute, vendor_attribute

_TEXT = "text"
_INTEGER = "integer"
_ADDRESS = "address"

# The attributes RouterOS accepts in an Access-Accept, by their names in FreeRADIUS's dictionaries: vendor,
# type and kind of value.
_KNOWN: dict[str, tuple[int, int, str]] = {
    attribute_names.FRAMED_IP_ADDRESS: (0, 8, _ADDRESS),
    "Framed-IP-Netmask": (0, 9, _ADDRESS),
    "Filter-Id": (0, 11, _TEXT),
    "Reply-Message": (0, 18, _TEXT),
    "Framed-Route": (0, 22, _TEXT),
    attribute_names.CLASS: (0, 25, _TEXT),
    attribute_names.SESSION_TIMEOUT: (0, 27, _INTEGER),
    "Idle-Timeout": (0, 28, _INTEGER),
    "Port-Limit": (0, 62, _INTEGER),
    attribute_names.ACCT_INTERIM_INTERVAL: (0, 85, _INTEGER),
    attribute_names.FRAMED_POOL: (0, 88, _TEXT),
    "Framed-IPv6-Pool": (0, 100, _TEXT),
    "Mikrotik-Recv-Limit": (MIKROTIK, 1, _INTEGER),
    "Mikrotik-Xmit-Limit": (MIKROTIK, 2, _INTEGER),
    "Mikrotik-Group": (MIKROTIK, 3, _TEXT),
    attribute_names.MIKROTIK_RATE_LIMIT: (MIKROTIK, 8, _TEXT),
    "Mikrotik-Recv-Limit-Gigawords": (MIKROTIK, 14, _INTEGER),
    "Mikrotik-Xmit-Limit-Gigawords": (MIKROTIK, 15, _INTEGER),
    attribute_names.MIKROTIK_ADDRESS_LIST: (MIKROTIK, 19, _TEXT),
    "Mikrotik-Delegated-IPv6-Pool": (MIKROTIK, 22, _TEXT),
}


class ReplyItem(NamedTuple):
    """One row of radreply or radgroupreply."""

    name: str
    op: str
    value: str


@lru_cache(maxsize=4096)  # thousands of logins have the attributes of the same plan
def encode(item: ReplyItem) -> bytes:
    """The octets of one attribute. Raises ValueError if it is unknown, or its value is of the wrong kind."""
    if item.name not in _KNOWN:
        raise ValueError(f"{item.name} is not an attribute this server can send")
    vendor, kind, form = _KNOWN[item.name]
    value = _octets(form, item)
    return vendor_attribute(vendor, kind, value) if vendor else attribute(kind, value)


def merged(own: Iterable[ReplyItem], groups: Iterable[Iterable[ReplyItem]]) -> list[ReplyItem]:
    """The reply of a login, the same as FreeRADIUS's rlm_sql makes from these rows.

    The login's own rows come first. Then come its groups by priority, until one does not say `Fall-Through =
    Yes`. The operator `=` adds an attribute unless it is present, `:=` replaces it, `+=` always adds it.
    """
    reply: list[ReplyItem] = []
    _apply(reply, own)
    for items in groups:
        items = list(items)
        _apply(reply, items)
        if not any(item.name == attribute_names.FALL_THROUGH and item.value == "Yes" for item in items):
            break
    return reply


def _apply(reply: list[ReplyItem], items: Iterable[ReplyItem]) -> None:
    for item in items:
        if item.name == attribute_names.FALL_THROUGH:
            continue
        if item.op == ":=":
            reply[:] = [present for present in reply if present.name != item.name]
        elif item.op != "+=" and any(present.name == item.name for present in reply):
            continue
        reply.append(item)


def _octets(form: str, item: ReplyItem) -> bytes:
    if form == _TEXT:
        return item.value.encode()
    if form == _ADDRESS:
        return ipaddress.IPv4Address(item.value).packed
    number = int(item.value)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{item.name}: {number} does not fit in 32 bits")
    return number.to_bytes(4, "big")
