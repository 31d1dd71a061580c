"""Which addresses belong to the same caller."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

# Internet providers give a customer a whole network of this size.
OWN_IPV6_PREFIX = 64


def network_of(address: str) -> str:
    """The IPv4 address, or the /64 network of an IPv6 address. Any other text is returned unchanged.

    Some proxies add a port to the address, and some write IPv4 as IPv6; both are accepted.
    """
    try:
        found = ip_address(_without_port(address))
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, OWN_IPV6_PREFIX), strict=False))


def _without_port(address: str) -> str:
    """The address in 1.2.3.4:80 or [2001:db8::1]:80. An IPv6 address without brackets has no port."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, _, _port = address.partition(":")
    return host if "." in host else address
