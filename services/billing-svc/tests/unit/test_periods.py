from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.domain.periods import (
    check_near,
    days_overdue,
    due_date,
    generation_date,
    latest_suspendable,
    period_before,
    period_of,
    suspend_from,
)
from contracts.common import BillingPeriod, InvalidInput
from hypothesis import given
from hypothesis import strategies as st

DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))


@given(DAYS)
def test_period_is_the_calendar_month_of_the_day(day: date):
    period = period_of(day)
    assert period.start <= day < period.end
    assert period.start.day == period.end.day == 1
    assert (period.end - timedelta(days=1)).month == day.month
    assert period_of(period.start) == period == period_of(period.end - timedelta(days=1))


@given(DAYS)
def test_every_day_is_in_exactly_one_period(day: date):
    period = period_of(day)
    assert period_of(period.end).start == period.end
    assert period_before(period).end == period.start
    assert period_before(period_of(period.end)) == period


@given(DAYS, st.integers(1, 28))
def test_every_period_has_its_generation_day(day: date, generation_day: int):
    period = period_of(day)
    generated = generation_date(period, generation_day)
    assert period.start <= generated < period.end
    assert generated.day == generation_day


def test_periods_of_leap_years_and_around_new_year():
    assert period_of(date(2028, 2, 29)) == BillingPeriod(date(2028, 2, 1), date(2028, 3, 1))
    assert period_of(date(2027, 2, 28)) == BillingPeriod(date(2027, 2, 1), date(2027, 3, 1))
    assert period_of(date(2100, 2, 28)) == BillingPeriod(date(2100, 2, 1), date(2100, 3, 1))
    assert period_of(date(2026, 12, 31)) == BillingPeriod(date(2026, 12, 1), date(2027, 1, 1))
    assert period_before(period_of(date(2027, 1, 1))) == period_of(date(2026, 12, 1))


@given(DAYS, st.integers(1, 60), st.integers(0, 30))
def test_suspension_is_at_least_a_day_after_the_due_date(issued_on: date, terms: int, grace: int):
    due_on = due_date(issued_on, terms)
    assert issued_on < due_on
    assert suspend_from(due_on, grace) == due_on + timedelta(days=max(1, grace))
    assert days_overdue(due_on, suspend_from(due_on, grace)) >= 1


@given(DAYS, st.integers(-100, 100))
def test_days_overdue_count_from_the_day_after_the_due_date(due_on: date, later: int):
    assert days_overdue(due_on, due_on + timedelta(days=later)) == max(0, later)


def test_dates_of_the_tutorial():
    due_on = due_date(date(2026, 4, 8), 15)
    assert due_on == date(2026, 4, 23)
    assert suspend_from(due_on, 5) == date(2026, 4, 28)
    assert due_date(date(2028, 2, 20), 15) == date(2028, 3, 6)  # over a leap day


def test_date_more_than_a_year_away_is_refused():
    today = date(2026, 11, 23)
    for near in (today, date(2025, 11, 23), date(2027, 11, 23)):
        assert check_near("date", near, today) == near
    for far in (date.min, date(2025, 11, 20), date(2062, 11, 23), date.max):
        with pytest.raises(InvalidInput, match="more than a year away"):
            check_near("date", far, today)


@given(DAYS, DAYS, st.integers(0, 60))
def test_latest_suspendable_is_the_inverse_of_suspend_from(due_on, day, grace):
    assert (due_on <= latest_suspendable(day, grace)) == (day >= suspend_from(due_on, grace))
