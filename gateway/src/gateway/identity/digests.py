"""What is kept of a token that is not kept itself."""

from __future__ import annotations

import hashlib


def digest(token: str) -> str:
    """SHA-256 in hex. Our tokens are random and long: nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
