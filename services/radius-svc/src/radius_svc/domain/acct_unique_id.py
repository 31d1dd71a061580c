"""The key of a session in radacct, computed like FreeRADIUS's acct_unique policy.

With the same formula either server can continue sessions that the other one started.
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
    """32 hex digits.

    The octets are used exactly as the NAS sent them; attributes missing in the packet count as empty.
    `nas_address` is NAS-IPv6-Address or NAS-IP-Address, or the packet's source address if it has neither.
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
