"""What to paste into a RouterOS terminal so that a router uses our RADIUS server."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from contracts.router import RouterView

from gateway.clients.context import current

PLACEHOLDER = "THE-SECRET-OF-THIS-ROUTER"
QUESTION_MARK = "\\3F"


def radius_commands(router: RouterView, secret: str | None) -> list[str]:
    """One command a line, each complete in itself. Without a secret, a placeholder is in its place.

    `accept=yes` and the port are always set, because their defaults differ between RouterOS versions.
    """
    settings = current().settings
    server = server_address(router.nas_address)
    return [
        f"/radius add service=ppp address={server} secret={quoted(secret or PLACEHOLDER)}"
        f" authentication-port={settings.auth_port} accounting-port={settings.acct_port} timeout=3s"
        f" src-address={router.nas_address}",
        f"/radius incoming set accept=yes port={router.coa_port}",
        "/ppp aaa set use-radius=yes accounting=yes interim-update=5m",
    ]


def server_address(router_address: str) -> str:
    """The address of this machine from which packets to the router leave: it most likely can reach that one.

    Nothing is sent: a UDP socket only looks up the route. Without one, the host of the public address.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking_up:
            looking_up.connect((router_address, 9))
            return str(looking_up.getsockname()[0])
    except OSError:
        return urlsplit(current().settings.public_url).hostname or ""


def quoted(text: str) -> str:
    """A RouterOS string: quotes, backslashes and dollar signs are escaped with a backslash.

    A question mark is written as its code, because RouterOS 6 shows help when one is typed or pasted.

    https://help.mikrotik.com/docs/spaces/ROS/pages/47579229/Scripting, "Constant Escape Sequences".
    """
    escaped = "".join(f"\\{symbol}" if symbol in '\\"$' else symbol for symbol in text)
    return '"' + escaped.replace("?", QUESTION_MARK) + '"'
