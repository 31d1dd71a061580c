"""What is stored in place of a token."""

from __future__ import annotations

import hashlib


def digest(token: str) -> str:
    """SHA-256 in hex. Our tokens are long and random, so a slower hash is not needed."""
    return hashlib.sha256(token.encode()).hexdigest()
