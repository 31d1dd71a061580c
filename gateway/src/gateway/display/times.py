"""Dates, times and durations on the screen."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from contracts.common import BillingPeriod

from gateway.clients.context import current
from gateway.display.words import NONE, template_filter

MINUTE = 60_000  # milliseconds


@template_filter
def day(value: date | None) -> str:
    """23 Nov 2026"""
    return _date(value) if value else NONE


@template_filter
def month(value: date) -> str:
    """November 2026"""
    return format_date(value, "MMMM y", locale="en")


@lru_cache(maxsize=2_000)
def _date(value: date) -> str:
    return format_date(value, "d MMM y", locale="en")


def start_of(value: date) -> int:
    """A day as a point of a chart: its first second in the ISP's time zone, as a Unix timestamp."""
    return int(datetime.combine(value, time(), current().settings.time_zone).timestamp())


@template_filter
def moment(instant: datetime | None) -> str:
    """23 Nov 2026, 10:02:11, in the ISP's time zone"""
    if instant is None:
        return NONE
    local = instant.astimezone(current().settings.time_zone)
    return f"{day(local.date())}, {local:%H:%M:%S}"


@template_filter
def minute(instant: datetime) -> str:
    """23 Nov 2026, 10:02, in the ISP's time zone"""
    local = instant.astimezone(current().settings.time_zone)
    return f"{day(local.date())}, {local:%H:%M}"


@template_filter
def day_of(instant: datetime) -> str:
    """23 Nov 2026, the day of an instant in the ISP's time zone"""
    return day(instant.astimezone(current().settings.time_zone).date())


@template_filter
def ago(instant: datetime) -> str:
    """just now; 3 minutes ago; 1 hour ago; 12 days ago"""
    passed = current().clock.now() - instant
    for size, name in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if passed >= size:
            number = passed // size
            return f"{number} {name}{'' if number == 1 else 's'} ago"
    return "just now"


@template_filter
def clock_time(instant: datetime) -> str:
    """10:02:11, in the ISP's time zone"""
    return f"{instant.astimezone(current().settings.time_zone):%H:%M:%S}"


@template_filter
def clock_time_since(instant: datetime | None, began: datetime) -> str:
    """10:02:11; with the day, 24 Nov 2026, 10:02:11, unless it is the day of `began`"""
    if instant is None:
        return NONE
    return clock_time(instant) if day_of(instant) == day_of(began) else moment(instant)


@template_filter
def period(value: BillingPeriod) -> str:
    """1 Nov 2026 to 30 Nov 2026: both days are part of the period."""
    return f"{day(value.start)} to {day(value.end - timedelta(days=1))}"


@template_filter
def seconds_short(milliseconds: int | None) -> str:
    """0.4 s; 2 min 5 s; 3 h 10 min; 18 days"""
    if milliseconds is None:
        return NONE
    if milliseconds < MINUTE:
        return f"{Decimal(milliseconds).scaleb(-3):.1f} s"
    minutes, rest = divmod(milliseconds, MINUTE)
    if minutes < 60:
        return f"{minutes} min {rest // 1000} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else days(hours // 24)


def days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"
