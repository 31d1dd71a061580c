"""What a service costs, apart from its plan's price: an individual price and a discount."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.money import Money


class DiscountKind(StrEnum):
    AMOUNT = "amount"
    PERCENT = "percent"


@dataclass(frozen=True)
class Discount:
    """Applied after the price. `value` is minor units for an amount, hundredths of a percent for a percent.

    `until` is the last day on which a billing period may begin and still get it; None is for good.
    """

    kind: DiscountKind
    value: int
    until: date | None = None


@dataclass(frozen=True)
class BillingTerms:
    """`individual_price` replaces the plan's price for this one service; None means the plan's."""

    individual_price: Money | None = None
    discount: Discount | None = None


PLAN_PRICE = BillingTerms()  # what the plan costs, nothing more and nothing less
