"""What a service costs for a period: price, then discount, then the tax contained in the rest."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.billing import PriceSource, TaxMode
from contracts.common import BillingPeriod
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind

VAT_PERCENT = 12
PERCENT_SCALE = 10_000  # a percentage is kept in hundredths of a percent


@dataclass(frozen=True)
class PricedLine:
    """amount = price - discount_amount; tax is the part of amount that is VAT."""

    price: Money
    price_source: PriceSource
    discount_amount: Money
    tax: Money
    amount: Money


def price_line(
    plan_price: Money, terms: BillingTerms, period: BillingPeriod, tax_mode: TaxMode
) -> PricedLine:
    """An individual price replaces the plan's; a discount applies after that price."""
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
    """Never more than the price. It ends with the last period that begins on or before `until`."""
    if discount is None or (discount.until is not None and period.start > discount.until):
        return Money(0, price.currency)
    if discount.kind is DiscountKind.PERCENT:
        return min(price, price.share(discount.value, PERCENT_SCALE))
    return min(price, Money(discount.value, price.currency))


def _contained_tax(amount: Money, tax_mode: TaxMode) -> Money:
    if tax_mode is TaxMode.NON_VAT:
        return Money(0, amount.currency)
    return amount.share(VAT_PERCENT, 100 + VAT_PERCENT)
