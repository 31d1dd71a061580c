"""When open sessions are counted: every five minutes of the machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.radius import ONLINE_SAMPLE_SECONDS

EVERY = timedelta(seconds=ONLINE_SAMPLE_SECONDS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number_of(instant: datetime) -> int:
    """How many full sample intervals have passed since 1970."""
    return (instant - _EPOCH) // EVERY


def sample_time(now: datetime) -> datetime:
    """The last full five minutes."""
    return _EPOCH + number_of(now) * EVERY
