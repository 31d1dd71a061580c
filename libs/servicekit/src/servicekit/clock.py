"""Time. Instants are aware and UTC.

There are two times, and every instant belongs to one of them:

- Business time, `runtime.now()` or a `Clock` passed in: when an invoice is due, a payment arrived, a session
  began. Tests and the demo move it.
- Machine time, `machine_now()`: when a retry is due, a lease expires, a kept answer is forgotten. Nobody
  moves it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo


def machine_now() -> datetime:
    """The machine's time, for time-outs, retries, leases, retention of messages and signs of life.

    Everything a subscriber or an operator would put a date on uses business time instead (`Clock.now`).
    """
    return datetime.now(UTC)


class Clock(Protocol):
    """Tells business time. Time-outs, retries and leases use `machine_now` instead."""

    def now(self) -> datetime: ...


class SystemClock:
    """Business time is machine time: the clock of a real installation."""

    def now(self) -> datetime:
        return machine_now()


class MovableClock:
    """The system clock plus an offset kept in a file, so that all processes on a machine agree on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return machine_now() + self._current_offset()

    def move_to(self, instant: datetime) -> None:
        """Make `now()` continue from `instant`, in every process that reads the same file.

        Raises ValueError for an instant without a time zone.
        """
        _require_zone(instant)
        offset = instant.astimezone(UTC) - machine_now()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new_file = self._path.with_suffix(".new")
        new_file.write_text(json.dumps({"offset_microseconds": offset // timedelta(microseconds=1)}))
        new_file.replace(self._path)

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
    """A clock for tests: it stands still until `advance` moves it."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def advance(self, **delta: float) -> None:
        """Move forward by the arguments of a timedelta, such as `days=8`."""
        self.instant += timedelta(**delta)


def clock_of(data_dir: Path, *, movable: bool) -> Clock:
    """The clock of a process: the system's, or the movable one of the data folder (demo and tests)."""
    return MovableClock(data_dir / "clock.json") if movable else SystemClock()


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar date of an instant in the ISP's time zone: the only way from instants to dates.

    Raises ValueError for an instant without a time zone: Python would assume the machine's own.
    """
    _require_zone(instant)
    return instant.astimezone(zone).date()


def _require_zone(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {instant!r}")
