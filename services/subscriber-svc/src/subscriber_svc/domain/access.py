"""Whether a service is up: it is, while no hold stands. A payment lifts only the `overdue` hold."""

from __future__ import annotations

from collections.abc import Collection

from contracts.common import InvalidInput
from contracts.subscriber import HoldReason, ServiceStatus

# Holds that people place. `overdue` is billing's word alone.
PLACED_BY_HAND = frozenset(HoldReason) - {HoldReason.OVERDUE}


def status_of(*, terminated: bool, standing: Collection[HoldReason]) -> ServiceStatus:
    """The status a service shows."""
    if terminated:
        return ServiceStatus.TERMINATED
    return ServiceStatus.SUSPENDED if standing else ServiceStatus.ACTIVE


def check_placed_by_hand(reason: HoldReason) -> None:
    """Raises InvalidInput for a reason that only billing gives."""
    if reason not in PLACED_BY_HAND:
        usable = ", ".join(sorted(PLACED_BY_HAND))
        raise InvalidInput.of("reason", f"{reason} is placed by billing; use one of {usable}")
