"""Amounts of money on the screen and in files."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency
from contracts.money import Money

from gateway.display.words import NONE, template_filter

LOCALE = "en_PH"


@template_filter
def money(amount: Money | None) -> str:
    """₱1,500.00"""
    if amount is None:
        return NONE
    return _currency(amount.minor, amount.currency)


# Cached because Babel is slow, and a list shows a hundred amounts, many of them equal. Dates do the same.
@lru_cache(maxsize=2_000)
def _currency(minor: int, currency: str) -> str:
    return format_currency(Decimal(minor).scaleb(-2), currency, locale=LOCALE)


def plain_amount(amount: Money) -> str:
    """1500.00, for a file that a program reads."""
    return f"{Decimal(amount.minor).scaleb(-2):.2f}"
