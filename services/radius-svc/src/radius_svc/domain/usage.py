"""How much of a session's counters is new."""

from __future__ import annotations

from datetime import datetime

# A counter that a NAS made up must not make the sum of a day impossible to store: 2**13 of these fit.
MOST_AT_ONCE = 1 << 50


def new_octets(counted: int, counter: int) -> int:
    """What went through since `counted`. A counter that went down has begun again at zero."""
    return min(counter if counter < counted else counter - counted, MOST_AT_ONCE)


def last_word(*instants: datetime | None) -> datetime | None:
    """The latest of those that are known; None if none is."""
    return max((instant for instant in instants if instant is not None), default=None)
