"""Whether a service works: it does while it has no active hold. A payment releases only `overdue`."""

from __future__ import annotations

from collections.abc import Collection

from contracts.common import InvalidInput
from contracts.subscriber import HoldReason, ServiceStatus

# Only billing places `overdue`.
PLACED_BY_HAND = frozenset(HoldReason) - {HoldReason.OVERDUE}


def status_of(*, terminated: bool, standing: Collection[HoldReason]) -> ServiceStatus:
    """The status shown for a service with these active holds."""
    if terminated:
        return ServiceStatus.TERMINATED
    return ServiceStatus.SUSPENDED if standing else ServiceStatus.ACTIVE


def check_placed_by_hand(reason: HoldReason) -> None:
    """Raises InvalidInput for a reason that only billing uses."""
    if reason not in PLACED_BY_HAND:
        usable = ", ".join(sorted(PLACED_BY_HAND))
        raise InvalidInput.of("reason", f"{reason} holds are placed by billing only; use one of {usable}")
