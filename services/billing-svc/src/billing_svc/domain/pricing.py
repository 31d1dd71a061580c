"""What a service costs for a period: the price, less the discount, including tax."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.billing import PriceSource
from contracts.billing_settings import TaxMode
from contracts.common import BillingPeriod
from contracts.money import Money
from contracts.pricing import BillingTerms

VAT_PERCENT = 12


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
    price = terms.price(plan_price)
    amount = terms.charge(plan_price, period.start)
    return PricedLine(
        price=price,
        price_source=PriceSource.PLAN if terms.individual_price is None else PriceSource.INDIVIDUAL,
        discount_amount=price - amount,
        tax=_contained_tax(amount, tax_mode),
        amount=amount,
    )


def _contained_tax(amount: Money, tax_mode: TaxMode) -> Money:
    if tax_mode is TaxMode.NON_VAT:
        return Money(0, amount.currency)
    return amount.share(VAT_PERCENT, 100 + VAT_PERCENT)
