"""The figures on the dashboard."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.common import Page
from contracts.radius import OnlineSample, ReconnectTimes
from contracts.receivables import AgingBucket, DayCollected, SuspensionDue
from contracts.subscriber_lists import ServiceCounts
from pydantic import AwareDatetime, Field

from gateway.api.queries import Query
from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.clients.context import current, services
from gateway.http.access import Permission
from gateway.resources.fields import Day


class DaysFilter(Query):
    days: int = Field(default=30, ge=1, le=366)


class HoursFilter(Query):
    hours: int = Field(default=24, ge=1, le=24 * 31)


class SuspensionsFilter(Paging):
    """`until` is the last day to include; by default tomorrow."""

    until: Day | None = None


class AgingShape(Shape):
    """Open balances `from_days` to `until_days` past due. null: no upper limit; 0 to 0: not due yet."""

    from_days: int
    until_days: int | None
    invoices: int
    amount: MoneyShape


class CollectedShape(Shape):
    """What was received, less reversals made that day. `payments` does not count reversed ones."""

    date: date
    payments: int
    amount: MoneyShape


class SuspensionDueShape(Shape):
    """`exempted_until` is set if an operator restored the services: they are suspended then, not before."""

    subscriber_id: str
    subscriber_name: str
    overdue: MoneyShape
    oldest_due_on: date
    suspend_on: date
    exempted_until: AwareDatetime | None


class ReconnectBucketShape(Shape):
    """Cases that took at most this long, and longer than the previous bucket. null: no upper limit."""

    up_to_milliseconds: int | None
    cases: int


class ReconnectTimesShape(Shape):
    days: int
    cases: int
    waiting: int
    median_milliseconds: int | None
    p95_milliseconds: int | None
    slowest_milliseconds: int | None
    buckets: list[ReconnectBucketShape]


class OnlineSampleShape(Shape):
    at: AwareDatetime
    sessions: int


class ServiceCountsShape(Shape):
    active: int
    suspended: int
    terminated: int


@endpoint("GET", "/reports/aging", permission=Permission.VIEW_BILLING, answer=Listing[AgingShape])
def list_aging() -> Page[AgingBucket]:
    """List what is owed by the number of days past due."""
    return Page(services().billing.list_aging())


@endpoint(
    "GET",
    "/reports/collected",
    permission=Permission.VIEW_BILLING,
    query=DaysFilter,
    answer=Listing[CollectedShape],
)
def list_collected(query: DaysFilter) -> Page[DayCollected]:
    """List the money collected per day, ending today."""
    return Page(services().billing.list_days_collected(query.days))


@endpoint(
    "GET",
    "/reports/suspensions-due",
    permission=Permission.VIEW_BILLING,
    query=SuspensionsFilter,
    answer=Listing[SuspensionDueShape],
)
def list_suspensions_due(query: SuspensionsFilter) -> Page[SuspensionDue]:
    """List subscribers who will be suspended for an overdue bill unless they pay, soonest first."""
    until = query.until or current().today() + timedelta(days=1)
    return services().billing.list_suspensions_due(until, query.limit, query.after).page


@endpoint(
    "GET",
    "/reports/reconnect-times",
    permission=Permission.VIEW_DASHBOARD,
    query=DaysFilter,
    answer=ReconnectTimesShape,
)
def get_reconnect_times(query: DaysFilter) -> ReconnectTimes:
    """Show how long services took to reconnect after a payment."""
    return services().radius.get_reconnect_times(query.days)


@endpoint(
    "GET",
    "/reports/online",
    permission=Permission.VIEW_SESSIONS,
    query=HoursFilter,
    answer=Listing[OnlineSampleShape],
)
def list_online(query: HoursFilter) -> Page[OnlineSample]:
    """List how many sessions were open over the last hours, oldest first."""
    return Page(services().radius.list_online_samples(query.hours))


@endpoint("GET", "/reports/services", permission=Permission.VIEW_SUBSCRIBERS, answer=ServiceCountsShape)
def count_services() -> ServiceCounts:
    """Count the services by status."""
    return services().subscriber.count_services()
