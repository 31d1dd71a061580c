"""The key of a session in radacct, computed as FreeRADIUS's acct_unique policy does.

With the same formula either server continues the rows the other one began.
"""

from __future__ import annotations

from hashlib import md5


def acct_unique_id(
    *,
    username: bytes,
    session_id: bytes,
    nas_address: str,
    nas_identifier: bytes = b"",
    nas_port_id: bytes = b"",
    nas_port: int | None = None,
) -> str:
    """32 hex digits. What the packet lacks is left empty; octets go in exactly as the NAS sent them.

    `nas_address` is NAS-IPv6-Address or NAS-IP-Address, or the packet's source if it has neither.
    """
    parts = (
        username,
        session_id,
        nas_address.encode(),
        nas_identifier,
        nas_port_id,
        b"" if nas_port is None else str(nas_port).encode(),
    )
    return md5(b",".join(parts), usedforsecurity=False).hexdigest()
