"""Time. Instants are aware and UTC; a clock is passed in, so that tests and the demo can move it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the business time. Time-outs, retries and leases use the machine's own clock instead."""

    def now(self) -> datetime: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class MovableClock:
    """The system clock plus an offset kept in a file, so that all processes on a machine agree on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._current_offset()

    def move_to(self, instant: datetime) -> None:
        """Make `now()` continue from `instant`, in every process that reads the same file.

        Raises ValueError for an instant without a zone.
        """
        _require_zone(instant)
        offset = instant.astimezone(UTC) - datetime.now(UTC)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"offset_microseconds": offset // timedelta(microseconds=1)}))
        beside.replace(self._path)

    def _current_offset(self) -> timedelta:
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - called for every instant: keep it cheap
        except FileNotFoundError:
            return timedelta(0)
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            content = json.loads(self._path.read_text())
            self._offset = timedelta(microseconds=content["offset_microseconds"])
            self._seen = seen
        return self._offset


@dataclass
class FrozenClock:
    """A clock for unit tests: stands still until it is told otherwise."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def advance(self, **delta: float) -> None:
        self.instant += timedelta(**delta)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar date of an instant in the ISP's time zone: the only crossing from instants to dates.

    Raises ValueError for an instant without a zone: Python would take it for the machine's own.
    """
    _require_zone(instant)
    return instant.astimezone(zone).date()


def _require_zone(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"a naive datetime is no instant: {instant!r}")


def clock_from_environment() -> Clock:
    """The system clock, or the movable one when ISPOS_CLOCK=movable (demo and tests only)."""
    if os.environ.get("ISPOS_CLOCK") == "movable":
        return MovableClock(Path(os.environ.get("ISPOS_DATA_DIR", "data")) / "clock.json")
    return SystemClock()
