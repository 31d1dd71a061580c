"""Time-ordered identifiers."""

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
    """A UUID version 7 (RFC 9562, section 5.7). Ids sort by creation time: lists need no other key.

    That holds within a millisecond too: rand_a is the fraction of it (section 6.2, method 3). Ids of one
    process only increase, even if the machine's clock goes back.
    """
    global _last_tick
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS_PER_MILLISECOND)
    fraction = (rest << _FRACTION_BITS) // _NANOSECONDS_PER_MILLISECOND
    _last_tick = tick = max(_last_tick + 1, milliseconds << _FRACTION_BITS | fraction)
    return _uuid7(tick, int.from_bytes(os.urandom(8), "big"))


def first_id_at(instant: datetime) -> str:
    """The smallest id that could have been made at `instant` of machine time."""
    milliseconds = (instant - _EPOCH) // timedelta(milliseconds=1)
    return _uuid7(milliseconds << _FRACTION_BITS, 0)


def made_at(identifier: str) -> datetime:
    """When `new_id` made this id, in machine time."""
    return _EPOCH + timedelta(milliseconds=uuid.UUID(identifier).int >> 80)


def _uuid7(tick: int, random: int) -> str:
    milliseconds, fraction = divmod(tick, 1 << _FRACTION_BITS)
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))
