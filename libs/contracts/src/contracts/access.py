"""Whether a service is up: the one rule that RADIUS, the screens and billing share.

A service is up while every active hold on it is covered by an active exemption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from contracts.holds import ExemptionKind, HoldReason
from contracts.subscriber import ServiceStatus

# The holds that each kind of exemption covers. No kind covers `admin` or `abuse`: only the operator's release
# ends those.
COVERED: Mapping[ExemptionKind, frozenset[HoldReason]] = {
    ExemptionKind.TEMPORARY_RESTORE: frozenset({HoldReason.OVERDUE}),
}


class AnyHold(Protocol):
    """A hold: a row or a view."""

    @property
    def reason(self) -> HoldReason: ...
    @property
    def placed_at(self) -> datetime: ...
    @property
    def released_at(self) -> datetime | None: ...


class AnyExemption(Protocol):
    """An exemption: a row or a view."""

    @property
    def kind(self) -> ExemptionKind: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


SomeHold = TypeVar("SomeHold", bound=AnyHold)
SomeExemption = TypeVar("SomeExemption", bound=AnyExemption)


def active_exemptions(exemptions: Iterable[SomeExemption], at: datetime) -> list[SomeExemption]:
    """The exemptions that cover holds at this instant: from `starts_at` up to, not including, `until`."""
    return [one for one in exemptions if one.ended_at is None and one.starts_at <= at < one.until]


def covering(reason: HoldReason, exemptions: Iterable[SomeExemption], at: datetime) -> list[SomeExemption]:
    """The active exemptions that cover holds with this reason."""
    return [one for one in active_exemptions(exemptions, at) if reason in COVERED[one.kind]]


def suspending_holds(
    holds: Iterable[SomeHold], exemptions: Iterable[AnyExemption], at: datetime
) -> list[SomeHold]:
    """The holds that keep the service suspended: active, and not covered by an active exemption."""
    covered = {reason for one in active_exemptions(exemptions, at) for reason in COVERED[one.kind]}
    return [hold for hold in holds if hold.released_at is None and hold.reason not in covered]


def was_suspended(holds: Iterable[AnyHold], exemptions: Iterable[AnyExemption], at: datetime) -> bool:
    """Whether a service that was not terminated was suspended at a past instant, right after its changes."""
    covered = {
        reason
        for one in exemptions
        if one.starts_at <= at < min(one.until, one.ended_at or one.until)
        for reason in COVERED[one.kind]
    }
    return any(
        hold.placed_at <= at and (hold.released_at is None or at < hold.released_at)
        for hold in holds
        if hold.reason not in covered
    )


def status_of(
    *, terminated: bool, holds: Iterable[AnyHold], exemptions: Iterable[AnyExemption], at: datetime
) -> ServiceStatus:
    """The status of a service with these holds and exemptions."""
    if terminated:
        return ServiceStatus.TERMINATED
    if suspending_holds(holds, exemptions, at):
        return ServiceStatus.SUSPENDED
    return ServiceStatus.ACTIVE
