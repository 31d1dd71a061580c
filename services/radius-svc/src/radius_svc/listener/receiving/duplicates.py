"""Answers kept for retransmissions (RFC 5080 2.2.2): a request is never carried out twice."""

from __future__ import annotations

from typing import Any

# A hash of where a packet came from and of all its octets: only the very same packet is a retransmission, not
# one that only looks so by identifier and authenticator. The interpreter's hash is keyed: nobody can choose
# another packet with the same one. And a number takes a fifth of the memory of what it stands for.
Key = int


def key_of(octets: bytes, address: tuple[Any, ...]) -> Key:
    return hash((address, octets))


class DuplicateCache:
    """Keeps each answer for at least `seconds` and less than twice that, and never more than `capacity`.

    Two generations instead of a time for each entry: forgetting is one assignment. Used by one thread.
    """

    def __init__(self, *, seconds: float = 10.0, capacity: int = 32_768) -> None:
        self._seconds = seconds
        self._half = capacity // 2
        self._young: dict[Key, bytes] = {}
        self._old: dict[Key, bytes] = {}
        self._turned_at = 0.0

    def find(self, key: Key) -> bytes | None:
        """The answer given to this very request."""
        return self._young.get(key) or self._old.get(key)

    def keep(self, key: Key, reply: bytes) -> None:
        self._young[key] = reply

    def forget_old(self, now: float) -> None:
        """To be called many times a second. `now` is monotonic, in seconds."""
        if now - self._turned_at < self._seconds and len(self._young) < self._half:
            return
        self._old, self._young = self._young, {}
        self._turned_at = now
