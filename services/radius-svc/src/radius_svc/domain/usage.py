"""How much of the counters of a session is new."""

from __future__ import annotations

from datetime import datetime

# A wrong counter must not make the sum of a day impossible to store. 2**13 of these fit into a BIGINT.
MAX_AT_ONCE = 1 << 50


def new_octets(counted: int, counter: int) -> int:
    """Octets since `counted`, which was the counter then. A counter that went down has restarted at zero."""
    return min(counter if counter < counted else counter - counted, MAX_AT_ONCE)


def latest(*instants: datetime | None) -> datetime | None:
    """The latest of the instants that are known; None if none is."""
    return max((instant for instant in instants if instant is not None), default=None)
