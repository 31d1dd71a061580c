"""subscriber-svc: plans, which are what is sold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.common import UNEDITED, Command, Edit, Instant, LastEdit, PlanId
from contracts.money import Money

MAX_KBPS = 400_000_000  # the highest speed of a plan or burst: 400 Gbit/s


class BillingType(StrEnum):
    POSTPAID = "postpaid"


class PlanStatus(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class Burst:
    """A RouterOS burst: higher speeds (kbit/s) while the average of `seconds` is below the threshold."""

    download_kbps: int
    upload_kbps: int
    threshold_download_kbps: int
    threshold_upload_kbps: int
    seconds: int


@dataclass(frozen=True)
class PlanView:
    id: PlanId
    version: int
    name: str
    price: Money
    billing_type: BillingType
    download_kbps: int
    upload_kbps: int
    burst: Burst | None
    address_pool: str | None
    status: PlanStatus
    created_at: Instant
    edit: LastEdit = UNEDITED


@dataclass(frozen=True, kw_only=True)
class CreatePlan(Command):
    name: str
    price: Money
    billing_type: BillingType
    download_kbps: int
    upload_kbps: int
    burst: Burst | None = None
    address_pool: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangePlan(Edit):
    """None leaves a field as it is. `clear` names fields to empty: `burst`, `address_pool`."""

    plan_id: PlanId
    name: str | None = None
    price: Money | None = None
    download_kbps: int | None = None
    upload_kbps: int | None = None
    burst: Burst | None = None
    address_pool: str | None = None
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ArchivePlan(Command):
    plan_id: PlanId
