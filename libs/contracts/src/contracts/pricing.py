"""How the price of a service differs from its plan's: an individual price and a discount."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from contracts.money import Money

PERCENT_SCALE = 10_000  # percentages are in hundredths of a percent


class DiscountKind(StrEnum):
    AMOUNT = "amount"
    PERCENT = "percent"


@dataclass(frozen=True)
class Discount:
    """A discount on the price. `value` is in minor units (AMOUNT) or hundredths of a percent (PERCENT).

    It applies to billing periods that begin on or before `until`; None means permanently.
    """

    kind: DiscountKind
    value: int
    until: date | None = None

    def applies_on(self, start: date) -> bool:
        """Whether a billing period that begins on `start` gets the discount."""
        return self.until is None or start <= self.until

    def off(self, price: Money) -> Money:
        """What is taken off a price: at most all of it."""
        if self.kind is DiscountKind.PERCENT:
            return min(price, price.share(self.value, PERCENT_SCALE))
        return min(price, Money(self.value, price.currency))


class TermsColumns(Protocol):
    """A row that keeps billing terms."""

    @property
    def individual_price_minor(self) -> int | None: ...
    @property
    def discount_kind(self) -> DiscountKind | None: ...
    @property
    def discount_value(self) -> int | None: ...
    @property
    def discount_until(self) -> date | None: ...


@dataclass(frozen=True)
class BillingTerms:
    """How one service is priced. `individual_price` replaces the plan's price; None means the plan's price.

    Tables keep the terms in four columns; `columns` and `of_columns` convert.
    """

    individual_price: Money | None = None
    discount: Discount | None = None

    def price(self, plan_price: Money) -> Money:
        """The monthly price before the discount."""
        return plan_price if self.individual_price is None else self.individual_price

    def charge(self, plan_price: Money, start: date) -> Money:
        """What a billing period that begins on `start` costs."""
        price = self.price(plan_price)
        if self.discount is None or not self.discount.applies_on(start):
            return price
        return price - self.discount.off(price)

    def columns(self) -> dict[str, Any]:
        """The terms by column name."""
        price, discount = self.individual_price, self.discount
        return {
            "individual_price_minor": None if price is None else price.minor,
            "discount_kind": None if discount is None else discount.kind,
            "discount_value": None if discount is None else discount.value,
            "discount_until": None if discount is None else discount.until,
        }

    @classmethod
    def of_columns(cls, row: TermsColumns, currency: str) -> BillingTerms:
        """The terms kept in `row`, whose amounts are in `currency`."""
        minor = row.individual_price_minor
        discount = None
        if row.discount_kind is not None and row.discount_value is not None:
            discount = Discount(row.discount_kind, row.discount_value, row.discount_until)
        return cls(None if minor is None else Money(minor, currency), discount)


PLAN_PRICE = BillingTerms()  # the terms of a service that costs what its plan costs
