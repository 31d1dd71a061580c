"""Views of usage, and of how many sessions were open over time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from contracts.radius import OnlineSample, UsageDay
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.domain import online_samples
from radius_svc.models import DailyUsage, OnlineCount
from radius_svc.queries.sessions import count_open_sessions

MAX_DAYS = 366
MAX_HOURS = 24 * 31
MAX_SAMPLES = 300


def list_usage(session: Session, service_id: str, days: int, *, today: date) -> list[UsageDay]:
    """One entry for each of the last `days` (1 to 366) days, today last; zeros for days without usage."""
    first = today - timedelta(days=within(days, MAX_DAYS) - 1)
    query = select(DailyUsage).where(DailyUsage.service_id == service_id, DailyUsage.day >= first)
    known = {usage.day: usage for usage in session.scalars(query)}
    return [
        _usage_day(day, known.get(day))
        for day in (first + timedelta(days=number) for number in range((today - first).days + 1))
    ]


def _usage_day(day: date, usage: DailyUsage | None) -> UsageDay:
    if usage is None:
        return UsageDay(day, 0, 0)
    return UsageDay(day, usage.download_octets, usage.upload_octets)


def list_online_samples(session: Session, hours: int, *, now: datetime) -> list[OnlineSample]:
    """Samples of the last `hours` (1 to 744), thinned to at most 300; the last one is the current count."""
    since = now - timedelta(hours=within(hours, MAX_HOURS))
    apart = -(-((now - since) // online_samples.EVERY) // MAX_SAMPLES)
    query = select(OnlineCount.at, OnlineCount.sessions).where(OnlineCount.at > since)
    samples = [
        OnlineSample(at, sessions)
        for at, sessions in session.execute(query.order_by(OnlineCount.at))
        # Counted since 1970, so that later calls return the same samples.
        if online_samples.number_of(at) % apart == 0
    ]
    return [*samples, OnlineSample(now, count_open_sessions(session))]


def within(number: int, maximum: int) -> int:
    """`number`, but at least 1 and at most `maximum`."""
    return max(1, min(number, maximum))
