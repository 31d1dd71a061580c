"""What makes a payment look like a mistake. The operator is asked before it is recorded."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.common import CommandWarning
from contracts.money import Money
from contracts.payment import PaymentView
from contracts.receivables import PaymentPreview

TIMES_THE_BALANCE = 3
TIMES_THE_MONTHLY_PRICE = 2
MAX_AGE_DAYS = 60


def amount_warning(amount: Money, preview: PaymentPreview) -> CommandWarning | None:
    """`amount_high`: more than 3 times the balance or, if nothing is owed, twice the monthly price."""
    if preview.balance.minor > 0:
        limit = preview.balance.share(TIMES_THE_BALANCE, 1)
        than = f"{TIMES_THE_BALANCE} times what they owe ({shown(preview.balance)})"
    elif preview.monthly is not None and preview.monthly.minor > 0:
        limit = preview.monthly.share(TIMES_THE_MONTHLY_PRICE, 1)
        than = f"twice their monthly price ({shown(preview.monthly)}), and they owe nothing"
    else:
        return None
    if amount <= limit:
        return None
    message = f"{shown(amount)} is more than {than}. {shown(preview.credit)} becomes credit."
    return CommandWarning("amount_high", message)


def reference_warning(others: list[PaymentView]) -> CommandWarning | None:
    """`reference_used`: other payments have the same reference. The latest of them comes last."""
    if not others:
        return None
    latest = others[-1]
    name = latest.subscriber_name or "a subscriber"
    message = (
        f"The reference {latest.reference} was used before: {shown(latest.amount)} from {name},"
        f" received {shown_day(latest.received_on)}, recorded by {latest.recorded_by}."
    )
    return CommandWarning("reference_used", message, {"payment_id": latest.id})


def first_day_warning(received_on: date, since: date | None) -> CommandWarning | None:
    """`date_before_customer`: the payment arrived before the customer's first day, if that is known."""
    if since is None or received_on >= since:
        return None
    message = f"{shown_day(received_on)} is before their first day as a customer, {shown_day(since)}."
    return CommandWarning("date_before_customer", message)


def age_warning(received_on: date, today: date) -> CommandWarning | None:
    """`date_old`: the payment arrived more than 60 days ago."""
    if today - received_on <= timedelta(days=MAX_AGE_DAYS):
        return None
    return CommandWarning("date_old", f"{shown_day(received_on)} is more than {MAX_AGE_DAYS} days ago.")


def shown(amount: Money) -> str:
    """₱1,500.00"""
    whole, cents = divmod(abs(amount.minor), 100)
    sign, symbol = "-" if amount.minor < 0 else "", "₱" if amount.currency == "PHP" else f"{amount.currency} "
    return f"{sign}{symbol}{whole:,}.{cents:02d}"


def shown_day(day: date) -> str:
    """23 Nov 2026"""
    return f"{day.day} {day:%b %Y}"
