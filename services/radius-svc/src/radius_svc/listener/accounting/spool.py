"""Stores accounting packets on local disk while the database is unavailable, so that they can be
acknowledged.

Packets are stored as they came, with sender and time, and decoded when they are moved into the database,
perhaps by a newer version. The spool is a SQLite file, because that survives a crash at any moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_WAIT_SECONDS = 1.0
# About 300 octets each. 10,000 services send 120,000 packets an hour.
CAPACITY = 2_000_000


@dataclass(frozen=True, slots=True)
class SpooledPacket:
    """A packet as it came. `source` is the address of the sender."""

    octets: bytes
    source: str
    received_at: datetime


class Spool:
    """Not thread-safe. Every method raises sqlite3.Error, for example if the disk is full."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises OSError or sqlite3.Error."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        path.chmod(0o600)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS packets (id INTEGER PRIMARY KEY, received_at REAL NOT NULL, "
            "source TEXT NOT NULL, octets BLOB NOT NULL)"
        )
        self._length: int = self._connection.execute("SELECT count(*) FROM packets").fetchone()[0]

    def __len__(self) -> int:
        return self._length

    def has_room(self) -> bool:
        """Whether the spool is below its capacity."""
        return self._length < CAPACITY

    def add(self, packets: Sequence[SpooledPacket]) -> None:
        """Store all packets or none. When this returns, they are on disk."""
        rows = [(packet.received_at.timestamp(), packet.source, packet.octets) for packet in packets]
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO packets (received_at, source, octets) VALUES (?, ?, ?)", rows)
        self._length += len(rows)

    def oldest(self, limit: int) -> tuple[list[SpooledPacket], int]:
        """The oldest packets, at most `limit`, and the id of the last of them for `remove_to`."""
        rows = self._connection.execute(
            "SELECT id, octets, source, received_at FROM packets ORDER BY id LIMIT ?", (limit,)
        ).fetchall()
        packets = [
            SpooledPacket(octets, source, datetime.fromtimestamp(at, UTC)) for _, octets, source, at in rows
        ]
        return packets, rows[-1][0] if rows else 0

    def remove_to(self, last_id: int) -> None:
        """Delete the packets up to this id."""
        removed = self._connection.execute("DELETE FROM packets WHERE id <= ?", (last_id,)).rowcount
        self._length -= removed

    def close(self) -> None:
        self._connection.close()
