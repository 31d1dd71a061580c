"""Sessions: who is online, and who was."""

from __future__ import annotations

from typing import Annotated

from contracts.common import Page
from contracts.radius import RejectQuery, RejectReason, RejectView, SessionOrder, SessionQuery, SessionView
from pydantic import AwareDatetime

from gateway.api.queries import QueryText
from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.fields import one_of


class SessionFilter(Paging):
    """`open=true` leaves out ended sessions. `query`: the start of a username, IP or MAC address.

    `order`: newest, oldest or username.
    """

    open: bool = False
    query: QueryText | None = None
    service_id: QueryText | None = None
    router_id: QueryText | None = None
    order: Annotated[SessionOrder, one_of(SessionOrder)] = SessionOrder.NEWEST


class SessionShape(Shape):
    """`stopped_at` is null while it is open. Octets are as the router counts: input is from the subscriber.

    `ended_because`: why the session counts as ended although the router never reported its end.
    `suspended`: it is open, but its service is suspended: it reaches the payment page only.
    """

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
    ended_because: str | None
    suspended: bool


class RefusedFilter(Paging):
    """`query`: the start of a login or a MAC address.

    `service_id`: attempts with its login, and attempts of its device with an unknown login.
    """

    query: QueryText | None = None
    service_id: QueryText | None = None


class RefusedLoginShape(Shape):
    """`reason` is null if none was recorded (FreeRADIUS). `repeats` counts the attempts within one minute.

    `service_id` is the service that has this login now; null if there is none.
    """

    id: str
    at: AwareDatetime
    username: str
    service_id: str | None
    calling_station_id: str | None
    called_station_id: str | None
    reason: RejectReason | None
    repeats: int


@endpoint(
    "GET", "/sessions", permission=Permission.VIEW_SESSIONS, query=SessionFilter, answer=Listing[SessionShape]
)
def list_sessions(query: SessionFilter) -> Page[SessionView]:
    """List the sessions."""
    wanted = SessionQuery(query.query, query.open, query.service_id, query.router_id, query.order)
    return services().radius.list_sessions(wanted, query.limit, query.after)


@endpoint(
    "GET",
    "/refused-logins",
    permission=Permission.VIEW_SESSIONS,
    query=RefusedFilter,
    answer=Listing[RefusedLoginShape],
)
def list_refused_logins(query: RefusedFilter) -> Page[RejectView]:
    """List refused logins and the reasons, newest first."""
    wanted = RejectQuery(text=query.query, service_id=query.service_id)
    return services().radius.list_rejects(wanted, query.limit, query.after)
