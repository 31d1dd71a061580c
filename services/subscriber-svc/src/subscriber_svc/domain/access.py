"""Who may place a hold, and how long a restore lasts. Whether a service is up: contracts.access."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.common import InvalidInput
from contracts.holds import DEFAULT_RESTORE_DAYS, MAX_RESTORE_DAYS, HoldReason

# The author of what billing's events do.
BILLING = "billing"
# Only billing places `overdue`.
PLACED_BY_HAND = frozenset(HoldReason) - {HoldReason.OVERDUE}


def check_placed_by_hand(reason: HoldReason) -> None:
    """Raises InvalidInput for a reason that only billing uses."""
    if reason not in PLACED_BY_HAND:
        usable = ", ".join(sorted(PLACED_BY_HAND))
        raise InvalidInput.of("reason", f"{reason} holds are placed by billing only; use one of {usable}")


def restored_until(until: datetime | None, now: datetime) -> datetime:
    """When a restore ends: `until`, or DEFAULT_RESTORE_DAYS from now.

    Raises InvalidInput if that is in the past or more than MAX_RESTORE_DAYS away.
    """
    if until is None:
        return now + timedelta(days=DEFAULT_RESTORE_DAYS)
    if until <= now:
        raise InvalidInput.of("until", "must be in the future")
    if until > now + timedelta(days=MAX_RESTORE_DAYS):
        raise InvalidInput.of("until", f"must be at most {MAX_RESTORE_DAYS} days away")
    return until
