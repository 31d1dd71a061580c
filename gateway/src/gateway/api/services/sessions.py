"""The network side of a service: sessions, usage, and what routers were asked to do."""

from __future__ import annotations

from datetime import date

from contracts.common import Page
from contracts.radius import (
    AttemptView,
    DisconnectResult,
    DisconnectService,
    LineEvent,
    LineEventKind,
    ReconnectView,
    RequestKind,
    RequestOutcome,
    UsageDay,
)
from pydantic import AwareDatetime, Field, computed_field

from gateway.api.queries import Query
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.display import error_causes
from gateway.http.access import Permission


class AttemptShape(Shape):
    """`error_cause` is why the router refused, `error_cause_name` its name (RFC 5176, section 3.6)."""

    kind: RequestKind
    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: AwareDatetime
    answered_at: AwareDatetime | None

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorators on properties
    @property
    def error_cause_name(self) -> str | None:
        return error_causes.name_of(self.error_cause)


class DisconnectShape(Shape):
    """`attempts` has the outcome of each method tried."""

    sessions: int
    disconnected: bool
    attempts: list[AttemptShape]


class ReconnectShape(Shape):
    """`seconds` from paid_at (or released_at) to online_at, with milliseconds; null until it is online."""

    id: str
    payment_id: str | None
    paid_at: AwareDatetime | None
    released_at: AwareDatetime
    authorized_at: AwareDatetime
    router_acked_at: AwareDatetime | None
    online_at: AwareDatetime | None
    seconds: float | None
    how: str | None


@endpoint(
    "POST",
    "/services/<service_id>/disconnect",
    permission=Permission.DISCONNECT,
    answer=DisconnectShape,
    event=Event("api.disconnect_service", "Disconnected a session", "service"),
)
def disconnect_service(service_id: str) -> DisconnectResult:
    """Disconnect the live session of a service."""
    services().subscriber.get_service(service_id)  # RADIUS may not know an id that exists
    return services().radius.disconnect_service(DisconnectService(service_id=service_id, **by_operator()))


@endpoint(
    "GET",
    "/services/<service_id>/attempts",
    permission=Permission.VIEW_SESSIONS,
    query=Paging,
    answer=Listing[AttemptShape],
)
def list_attempts(service_id: str, query: Paging) -> Page[AttemptView]:
    """List the requests sent to the router for a service, and their outcomes."""
    services().subscriber.get_service(service_id)
    return services().radius.list_attempts(service_id, query.limit, query.after)


@endpoint(
    "GET",
    "/services/<service_id>/reconnects",
    permission=Permission.VIEW_SUBSCRIBERS,
    query=Paging,
    answer=Listing[ReconnectShape],
)
def list_reconnects(service_id: str, query: Paging) -> Page[ReconnectShape]:
    """List how long a service took to reconnect after each payment or release."""
    services().subscriber.get_service(service_id)
    page = services().radius.list_reconnects(service_id, query.limit, query.after)
    return Page([_reconnect_shape(case) for case in page.items], page.next)


def _reconnect_shape(case: ReconnectView) -> ReconnectShape:
    return ReconnectShape(
        id=case.id,
        payment_id=case.payment_id,
        paid_at=case.paid_at,
        released_at=case.released_at,
        authorized_at=case.authorized_at,
        router_acked_at=case.router_acked_at,
        online_at=case.online_at,
        seconds=None if case.milliseconds is None else case.milliseconds / 1000,
        how=case.how,
    )


class UsageFilter(Query):
    days: int = Field(default=30, ge=1, le=366)


class EventFilter(Query):
    limit: int = Field(default=50, ge=1, le=200)


class UsageDayShape(Shape):
    """Usage on one day in the ISP's time zone. Directions are the subscriber's."""

    date: date
    download_octets: int
    upload_octets: int


class LineEventShape(Shape):
    """`detail`: the assigned address, why the session ended, or the router's response.

    `error_cause` is why the router refused (RFC 5176, section 3.6).
    """

    at: AwareDatetime
    kind: LineEventKind
    detail: str
    request: RequestKind | None
    outcome: RequestOutcome | None
    error_cause: int | None


@endpoint(
    "GET",
    "/services/<service_id>/usage",
    permission=Permission.VIEW_SESSIONS,
    query=UsageFilter,
    answer=Listing[UsageDayShape],
)
def list_usage(service_id: str, query: UsageFilter) -> Page[UsageDay]:
    """List a service's downloads and uploads per day, ending today."""
    services().subscriber.get_service(service_id)
    return Page(services().radius.list_usage(service_id, query.days))


@endpoint(
    "GET",
    "/services/<service_id>/events",
    permission=Permission.VIEW_SUBSCRIBERS,
    query=EventFilter,
    answer=Listing[LineEventShape],
)
def list_line_events(service_id: str, query: EventFilter) -> Page[LineEvent]:
    """List a service's network events, newest first: online, offline, requests to the router."""
    services().subscriber.get_service(service_id)
    return Page(services().radius.list_line_events([service_id], query.limit))
