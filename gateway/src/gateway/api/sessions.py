"""Sessions: who is, and was, on line."""

from __future__ import annotations

from typing import Annotated

from contracts.common import Page
from contracts.radius import SessionOrder, SessionQuery, SessionView
from pydantic import AwareDatetime

from gateway.access import Permission
from gateway.api.fields import QueryText, one_of
from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.context import services


class SessionFilter(Paging):
    """`open=true` leaves out the ended ones. `query`: how a username, IP or MAC address begins.

    `order`: newest, oldest or username.
    """

    open: bool = False
    query: QueryText | None = None
    service_id: QueryText | None = None
    router_id: QueryText | None = None
    order: Annotated[SessionOrder, one_of(SessionOrder)] = SessionOrder.NEWEST


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
    "GET", "/sessions", permission=Permission.VIEW_SESSIONS, query=SessionFilter, answer=Listing[SessionShape]
)
def list_sessions(query: SessionFilter) -> Page[SessionView]:
    """List the sessions."""
    wanted = SessionQuery(query.query, query.open, query.service_id, query.router_id, query.order)
    return services().radius.list_sessions(wanted, query.limit, query.after)
