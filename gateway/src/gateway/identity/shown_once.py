"""What is shown on the next page and never again: an invitation link, recovery codes.

It travels encrypted in the signed cookie, so that it is not stored on the server.
"""

from __future__ import annotations

from flask import g, session
from servicekit.secrets import DecryptionFailed

from gateway.clients.context import current

FIELD = "shown_once"


def keep(purpose: str, text: str) -> None:
    session[FIELD] = current().cipher.encrypt(text, _owner(purpose))


def take(purpose: str) -> str | None:
    """What was kept for this purpose and this operator. Returns it once, then None."""
    sealed = session.get(FIELD)
    if not isinstance(sealed, str):
        return None
    try:
        text = current().cipher.decrypt(sealed, _owner(purpose))
    except DecryptionFailed:  # kept for another page
        return None
    session.pop(FIELD)
    return text


def _owner(purpose: str) -> str:
    return f"shown-once:{g.operator.id}:{purpose}"
