"""Identifiers."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS_PER_MILLISECOND = 1_000_000
_FRACTION_BITS = 12

_last_tick = 0


def new_id() -> str:
    """A UUID version 7 (RFC 9562 5.7): sorts by creation time, so lists and cursors need no other key.

    Within a millisecond too: rand_a holds the fraction of it (6.2, method 3), and ids of one process never
    go back, whatever the machine's clock does.
    """
    global _last_tick
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS_PER_MILLISECOND)
    fraction = (rest << _FRACTION_BITS) // _NANOSECONDS_PER_MILLISECOND
    _last_tick = tick = max(_last_tick + 1, milliseconds << _FRACTION_BITS | fraction)
    return _uuid7(tick, int.from_bytes(os.urandom(8), "big"))


def first_id_at(instant: datetime) -> str:
    """The least id that could have been made at `instant` by the machine's clock."""
    milliseconds = (instant - _EPOCH) // timedelta(milliseconds=1)
    return _uuid7(milliseconds << _FRACTION_BITS, 0)


def made_at(identifier: str) -> datetime:
    """When, by the machine's clock, `new_id` made this one."""
    return _EPOCH + timedelta(milliseconds=uuid.UUID(identifier).int >> 80)


def _uuid7(tick: int, random: int) -> str:
    milliseconds, fraction = divmod(tick, 1 << _FRACTION_BITS)
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))
