"""Sessions: who is, and was, on line."""

from __future__ import annotations

from contracts.common import Page
from contracts.radius import SessionView
from pydantic import AwareDatetime

from gateway.access import Permission
from gateway.api.fields import QueryText
from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.context import services


class SessionQuery(Paging):
    """`open=true` leaves out the ended ones."""

    open: bool = False
    service_id: QueryText | None = None


class SessionShape(Shape):
    """`stopped_at` is null while it is open. Octets as the router counts: input is from the subscriber."""

    id: str
    username: str
    service_id: str | None
    router_id: str | None
    acct_session_id: str
    framed_ip_address: str | None
    calling_station_id: str | None
    started_at: AwareDatetime | None
    updated_at: AwareDatetime | None
    stopped_at: AwareDatetime | None
    input_octets: int
    output_octets: int
    terminate_cause: str | None


@endpoint(
    "GET", "/sessions", permission=Permission.VIEW_SESSIONS, query=SessionQuery, answer=Listing[SessionShape]
)
def list_sessions(query: SessionQuery) -> Page[SessionView]:
    """List the sessions, newest first."""
    return services().radius.list_sessions(query.open, query.service_id, query.limit, query.after)
