"""Discounts that are probably mistakes: over already, or as large as the price."""

from __future__ import annotations

from datetime import date

from contracts.common import CommandWarning, InvalidInput
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount

FREE = "discount_makes_it_free"
FREE_BY_PRICE = "price_makes_services_free"


def check_not_over(discount: Discount | None, before: Discount | None, today: date) -> None:
    """Raises InvalidInput if a new or changed discount has an end date in the past."""
    if discount is None or discount.until is None or discount == before:
        return
    if discount.until < today:
        raise InvalidInput.of("discount.until", "This date is in the past. Enter today or a later date")


def free_service(terms: BillingTerms, plan_price: Money, today: date) -> list[CommandWarning]:
    """A warning if the discount takes off the whole price."""
    price, discount = terms.price(plan_price), terms.discount
    if discount is None or not discount.applies_on(today) or not price.minor or discount.off(price) < price:
        return []
    message = f"The discount takes off the whole price of {_words(price)}, so this service isn't billed."
    return [CommandWarning(FREE, message)]


def free_by_price(services: int, price: Money) -> list[CommandWarning]:
    """A warning if a plan's new price makes this many services free because of their discounts."""
    if not services:
        return []
    have = "1 service has a discount" if services == 1 else f"{services} services have a discount"
    message = f"{have} of {_words(price)} or more on this plan, so the new price makes them free."
    return [CommandWarning(FREE_BY_PRICE, message)]


def _words(amount: Money) -> str:
    """PHP 1,500.00"""
    whole, cents = divmod(amount.minor, 100)
    return f"{amount.currency} {whole:,}.{cents:02d}"
