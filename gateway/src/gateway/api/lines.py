"""Lines: usage, what happened on them, and their passwords."""

from __future__ import annotations

from datetime import date

from contracts.common import Page
from contracts.radius import LineEvent, LineEventKind, RequestKind, RequestOutcome, UsageDay
from contracts.subscriber import RevealedPassword, RevealPassword
from pydantic import AwareDatetime, Field

from gateway.api.queries import Query
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.fields import Input


class UsageFilter(Query):
    days: int = Field(default=30, ge=1, le=366)


class EventFilter(Query):
    limit: int = Field(default=50, ge=1, le=200)


class UsageDayShape(Shape):
    """What went through on a day of the ISP's time zone, as the subscriber sees the direction."""

    date: date
    download_octets: int
    upload_octets: int


class LineEventShape(Shape):
    """`detail`: the address given, why the session ended, or what the router answered.

    `error_cause` is why it refused (RFC 5176 3.6).
    """

    at: AwareDatetime
    kind: LineEventKind
    detail: str
    request: RequestKind | None
    outcome: RequestOutcome | None
    error_cause: int | None


class PasswordShape(Shape):
    service_id: str
    pppoe_username: str
    pppoe_password: str


@endpoint(
    "GET",
    "/services/<service_id>/usage",
    permission=Permission.VIEW_SESSIONS,
    query=UsageFilter,
    answer=Listing[UsageDayShape],
)
def list_usage(service_id: str, query: UsageFilter) -> Page[UsageDay]:
    """List what a line downloaded and uploaded, day by day, today last."""
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
    """List what happened on a line: on line, off line, what was asked of the router. Newest first."""
    services().subscriber.get_service(service_id)
    return Page(services().radius.list_line_events([service_id], query.limit))


@endpoint(
    "POST",
    "/services/<service_id>/reveal-password",
    permission=Permission.REVEAL_PASSWORDS,
    body=Input,
    answer=PasswordShape,
    keeps_answer=False,
    event=Event("api.reveal_service_password", "Viewed a PPPoE password", "service"),
)
def reveal_service_password(service_id: str, body: Input) -> RevealedPassword:  # noqa: ARG001
    """Show the PPPoE password of a service. Who asked goes into the audit log."""
    return services().subscriber.reveal_password(RevealPassword(service_id=service_id, **by_operator()))
