"""What is shown on the next page and then nowhere any more: the link of an invitation, recovery codes.

It travels in the signed cookie, encrypted, since its only place is the screen of who asked for it.
"""

from __future__ import annotations

from flask import g, session
from servicekit.secrets import DecryptionFailed

from gateway.clients.context import current

FIELD = "shown_once"


def keep(purpose: str, text: str) -> None:
    session[FIELD] = current().cipher.encrypt(text, _owner(purpose))


def take(purpose: str) -> str | None:
    """What was kept for this purpose and this operator; the second time nothing."""
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
