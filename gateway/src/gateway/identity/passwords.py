"""Passwords of operators: argon2id with the lowest cost that OWASP recommends, to keep logins cheap."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 10
MAX_LENGTH = 200

# Public, so that most tests can hash at a lower cost.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    return hasher.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether the password matches. Without a hash (no such operator) it takes as long and returns False."""
    try:
        matches = hasher.verify(password_hash or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


def fault_of(password: str) -> str:
    """Why this cannot be a new password, as the message for its field; empty if it can."""
    if len(password) < MIN_LENGTH:
        return f"This must be at least {MIN_LENGTH} characters long"
    if len(password) > MAX_LENGTH:
        return f"This must be at most {MAX_LENGTH} characters long"
    return ""


@cache
def _decoy() -> str:
    return hasher.hash("nobody has this password")
