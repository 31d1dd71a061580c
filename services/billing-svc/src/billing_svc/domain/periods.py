"""Calendar rules. All dates are in the ISP's time zone; all period ends are exclusive."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.common import BillingPeriod, InvalidInput

# A run for a date further away is a slip of the keyboard, and would bill or cut everybody for it.
FARTHEST = timedelta(days=366)


def period_of(day: date) -> BillingPeriod:
    """The billing period a day falls into: its calendar month.

    The generation day says when in the month the invoices are made, not where a period begins. So a
    change of it can neither bill a day twice nor leave one out.
    """
    start = day.replace(day=1)
    return BillingPeriod(start, (start + timedelta(days=31)).replace(day=1))


def period_before(period: BillingPeriod) -> BillingPeriod:
    return period_of(period.start - timedelta(days=1))


def generation_date(period: BillingPeriod, generation_day: int) -> date:
    """The day in the period on which its invoices are made."""
    return period.start.replace(day=generation_day)


def due_date(issued_on: date, payment_terms_days: int) -> date:
    return issued_on + timedelta(days=payment_terms_days)


def days_overdue(due_on: date, today: date) -> int:
    """0 up to and including the due date."""
    return max(0, (today - due_on).days)


def suspend_from(due_on: date, grace_period_days: int) -> date:
    """The first day on which an unpaid invoice suspends: never before the day after it is due."""
    return due_on + timedelta(days=max(1, grace_period_days))


def latest_suspendable(day: date, grace_period_days: int) -> date:
    """The newest due date of which an unpaid invoice suspends on `day`: suspend_from the other way."""
    return day - timedelta(days=max(1, grace_period_days))


def check_near(field: str, day: date, today: date) -> date:
    """Raises InvalidInput for a date more than a year away."""
    if abs(day - today) > FARTHEST:
        raise InvalidInput.of(field, f"{day} is more than a year away from today, {today}")
    return day
