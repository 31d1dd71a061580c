"""subscriber-svc, lists of subscribers: what they are filtered and sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.common import PlanId, RouterId
from contracts.holds import ServiceStatus


class MoneyState(StrEnum):
    """What a subscriber's account is like. OVERDUE: its oldest open invoice is past its due date."""

    OWING = "owing"
    OVERDUE = "overdue"
    CREDIT = "credit"


class SubscriberOrder(StrEnum):
    """BALANCE: smallest balance first, credit being negative. OLDEST_DUE: longest overdue first."""

    NEWEST = "newest"
    NAME = "name"
    NAME_DESCENDING = "-name"
    BALANCE = "balance"
    BALANCE_DESCENDING = "-balance"
    OLDEST_DUE = "oldest_due"


@dataclass(frozen=True)
class SubscriberQuery:
    """None means any. `text` is searched for in names, areas, contacts, short ids and PPPoE usernames.

    `area` is a whole area, without regard to case and accents.
    """

    text: str | None = None
    status: ServiceStatus | None = None
    plan_id: PlanId | None = None
    router_id: RouterId | None = None
    area: str | None = None
    money: MoneyState | None = None
    order: SubscriberOrder = SubscriberOrder.NEWEST


@dataclass(frozen=True)
class ServiceCounts:
    active: int
    suspended: int
    terminated: int
