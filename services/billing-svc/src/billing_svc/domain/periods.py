"""Calendar rules. Dates are in the ISP's time zone, and the end of a period is exclusive."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.common import BillingPeriod, InvalidInput

# A run for a date further away is a typing mistake, and could bill or suspend everyone.
MAX_DISTANCE = timedelta(days=366)


def period_of(day: date) -> BillingPeriod:
    """The billing period that contains a day: its calendar month.

    The generation day says when in the month invoices are issued, not when a period begins. So changing it
    can neither bill a day twice nor skip one.
    """
    start = day.replace(day=1)
    return BillingPeriod(start, (start + timedelta(days=31)).replace(day=1))


def period_before(period: BillingPeriod) -> BillingPeriod:
    return period_of(period.start - timedelta(days=1))


def generation_date(period: BillingPeriod, generation_day: int) -> date:
    """The day on which the invoices of a period are issued automatically."""
    return period.start.replace(day=generation_day)


def due_date(issued_on: date, payment_terms_days: int) -> date:
    return issued_on + timedelta(days=payment_terms_days)


def days_overdue(due_on: date, today: date) -> int:
    """How many days an invoice is overdue: 0 up to and including its due date."""
    return max(0, (today - due_on).days)


def suspend_from(due_on: date, grace_period_days: int) -> date:
    """The first day on which an unpaid invoice suspends: at the earliest the day after its due date."""
    return due_on + timedelta(days=max(1, grace_period_days))


def latest_suspendable(day: date, grace_period_days: int) -> date:
    """The latest due date for which an unpaid invoice suspends on `day`: the inverse of suspend_from."""
    return day - timedelta(days=max(1, grace_period_days))


def check_near(field: str, day: date, today: date) -> date:
    """`day`, unless it is more than a year away: then raises InvalidInput for `field`."""
    if abs(day - today) > MAX_DISTANCE:
        raise InvalidInput.of(field, f"{day} is more than a year away from today ({today}); check the year")
    return day
