"""Answers kept for retransmissions, so that no request is carried out twice (RFC 5080 section 2.2.2)."""

from __future__ import annotations

from typing import Any

# A hash of the source address and all octets of a packet: only an identical packet is a retransmission, not
# one that only has the same identifier and authenticator. The interpreter's hash is keyed, so nobody can
# construct a packet with the same hash. And a number takes a fifth of the memory of the packet.
Key = int


def key_of(octets: bytes, address: tuple[Any, ...]) -> Key:
    """The key of a packet and its sender."""
    return hash((address, octets))


class DuplicateCache:
    """Keeps each answer for at least `seconds` and less than twice that, at most `capacity` answers.

    There are two generations instead of a time for each entry, so forgetting is a single assignment. Not
    thread-safe.
    """

    def __init__(self, *, seconds: float = 10.0, capacity: int = 32_768) -> None:
        self._seconds = seconds
        self._half = capacity // 2
        self._young: dict[Key, bytes] = {}
        self._old: dict[Key, bytes] = {}
        self._turned_at = 0.0

    def find(self, key: Key) -> bytes | None:
        """The answer to this request, if it is still kept."""
        return self._young.get(key) or self._old.get(key)

    def keep(self, key: Key, reply: bytes) -> None:
        """Keep the answer to a request."""
        self._young[key] = reply

    def forget_old(self, now: float) -> None:
        """Call this many times a second. `now` is the monotonic clock in seconds."""
        if now - self._turned_at < self._seconds and len(self._young) < self._half:
            return
        self._old, self._young = self._young, {}
        self._turned_at = now
