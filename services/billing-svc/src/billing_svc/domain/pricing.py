"""What a service costs for a period: the price, less the discount, including tax."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.billing import PriceSource
from contracts.billing_settings import TaxMode
from contracts.common import BillingPeriod
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind

VAT_PERCENT = 12
PERCENT_SCALE = 10_000  # percentages are stored in hundredths of a percent


@dataclass(frozen=True)
class PricedLine:
    """A charge: amount = price - discount_amount, and `tax` is the part of `amount` that is VAT."""

    price: Money
    price_source: PriceSource
    discount_amount: Money
    tax: Money
    amount: Money


def price_line(
    plan_price: Money, terms: BillingTerms, period: BillingPeriod, tax_mode: TaxMode
) -> PricedLine:
    """The charge for one period. An individual price replaces the plan's; the discount applies to either."""
    individual = terms.individual_price
    price = plan_price if individual is None else individual
    discount_amount = _discount_amount(price, terms.discount, period)
    amount = price - discount_amount
    return PricedLine(
        price=price,
        price_source=PriceSource.PLAN if individual is None else PriceSource.INDIVIDUAL,
        discount_amount=discount_amount,
        tax=_contained_tax(amount, tax_mode),
        amount=amount,
    )


def _discount_amount(price: Money, discount: Discount | None, period: BillingPeriod) -> Money:
    """The discount, at most the price. The last period that gets it begins on or before `until`."""
    if discount is None or (discount.until is not None and period.start > discount.until):
        return Money(0, price.currency)
    if discount.kind is DiscountKind.PERCENT:
        return min(price, price.share(discount.value, PERCENT_SCALE))
    return min(price, Money(discount.value, price.currency))


def _contained_tax(amount: Money, tax_mode: TaxMode) -> Money:
    if tax_mode is TaxMode.NON_VAT:
        return Money(0, amount.currency)
    return amount.share(VAT_PERCENT, 100 + VAT_PERCENT)
