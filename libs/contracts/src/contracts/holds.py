"""Holds, which suspend a service, and exemptions, which keep it up despite them for a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.common import Command, Instant, ServiceId, SubscriberId

DEFAULT_RESTORE_DAYS = 3  # how long an operator's restore lasts if they don't say
MAX_RESTORE_DAYS = 60


class HoldReason(StrEnum):
    OVERDUE = "overdue"
    ADMIN = "admin"
    ABUSE = "abuse"
    VACATION = "vacation"
    EQUIPMENT = "equipment"


class ServiceStatus(StrEnum):
    """The status shown for a service. SUSPENDED: an active hold is not covered by an exemption."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class ExemptionKind(StrEnum):
    """Why a service stays up despite a hold; contracts.access lists the holds that each kind covers.

    TEMPORARY_RESTORE: an operator restored it until a given time.
    """

    TEMPORARY_RESTORE = "temporary_restore"


@dataclass(frozen=True)
class HoldView:
    id: str
    reason: HoldReason
    placed_by: str
    placed_at: Instant
    note: str
    released_at: Instant | None
    released_by: str | None

    @property
    def is_standing(self) -> bool:
        """Whether the hold is active: it was not released."""
        return self.released_at is None


@dataclass(frozen=True)
class ExemptionView:
    """Holds that `kind` covers don't suspend the service from `starts_at` up to, not including, `until`.

    It can end earlier: `ended_by` is the operator who canceled it, "billing" if the account was settled, and
    None if `until` has passed.
    """

    id: str
    kind: ExemptionKind
    starts_at: Instant
    until: Instant
    author: str
    note: str
    ended_at: Instant | None = None
    ended_by: str | None = None


@dataclass(frozen=True)
class HoldChange:
    """A hold was placed, or released if `released` is true, at `at` by `by`.

    With `until`, an exemption until then began (`released`) or ended while the hold was still active.
    `suspended`: whether the service was suspended right after the change; another hold may have been active.
    """

    at: Instant
    released: bool
    by: str
    reason: HoldReason
    note: str
    service_id: ServiceId
    pppoe_username: str
    subscriber_id: SubscriberId
    subscriber_name: str
    until: Instant | None = None
    suspended: bool = False


# Commands


@dataclass(frozen=True, kw_only=True)
class PlaceHold(Command):
    service_id: ServiceId
    reason: HoldReason
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseHold(Command):
    """Release a hold. An `overdue` hold ends only when the bill is paid: RestoreService's default applies."""

    service_id: ServiceId
    hold_id: str


@dataclass(frozen=True, kw_only=True)
class RestoreService(Command):
    """Exempt a service from its overdue hold up to `until` (default: DEFAULT_RESTORE_DAYS from now)."""

    service_id: ServiceId
    until: Instant | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class CancelExemption(Command):
    """End an exemption before its time. The holds that it covered suspend the service again."""

    service_id: ServiceId
    exemption_id: str
