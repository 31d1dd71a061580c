"""Which addresses are one caller's."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

# One customer of an internet provider has all addresses of such a network.
OWN_IPV6_PREFIX = 64


def network_of(address: str) -> str:
    """The IPv4 address, or the /64 of the IPv6 address. What is neither stays as it is.

    Some proxies write a port beside the address, some write IPv4 as IPv6.
    """
    try:
        found = ip_address(_without_port(address))
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, OWN_IPV6_PREFIX), strict=False))


def _without_port(address: str) -> str:
    """Of 1.2.3.4:80 and [2001:db8::1]:80; an IPv6 address without brackets can have none."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, _, _port = address.partition(":")
    return host if "." in host else address
