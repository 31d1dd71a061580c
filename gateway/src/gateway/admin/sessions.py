"""Sessions: who is online, and who was."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from contracts.radius import SessionOrder, SessionQuery
from flask import Response, request, url_for

from gateway.admin.lists import Listing, choice_argument, export_address, text_argument
from gateway.admin.pages import PAGE_SIZE, Entry, every_item, known_routers, page, show
from gateway.clients.context import services
from gateway.clients.lookups import owners_of
from gateway.display.network import reconnect_how
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response

ONLINE, ALL, REFUSED = "Online now", "All", "Refused logins"
# Title, view, and its `show` argument.
PILLS = (
    (ONLINE, "admin.sessions", None),
    (ALL, "admin.sessions", "all"),
    (REFUSED, "admin.refused_logins", None),
)


@page("/sessions", permission=Permission.VIEW_SESSIONS, sidebar=Entry(7, "Sessions", "activity"))
def sessions() -> Response:
    query = _query()
    found = services().radius.list_sessions(query, PAGE_SIZE, request.args.get("after"))
    return show(
        "sessions.html",
        list=Listing(found, query.order.value, export_address("admin.sessions_csv")),
        query=query,
        owners=owners_of(session.service_id for session in found.items),
        routers=_router_names(),
        pills=pills(ONLINE if query.open_only else ALL),
    )


@page("/sessions.csv", permission=Permission.VIEW_SESSIONS)
def sessions_csv() -> Response:
    header = (
        "Username",
        "Router",
        "IP address",
        "MAC address",
        "Started",
        "Stopped",
        "Downloaded octets",
        "Uploaded octets",
        "Terminate cause",
    )
    return csv_response("sessions.csv", header, _rows(_query(), _router_names()))


@page("/reconnects", permission=Permission.VIEW_SESSIONS)
def reconnects() -> Response:
    found = services().radius.list_reconnects(None, PAGE_SIZE, request.args.get("after"))
    return show(
        "reconnects.html",
        list=Listing(found, csv=url_for("admin.reconnects_csv")),
        owners=owners_of(case.service_id for case in found.items),
    )


@page("/reconnects.csv", permission=Permission.VIEW_SESSIONS)
def reconnects_csv() -> Response:
    header = ("Username", "Paid", "Restored", "Router acknowledged", "Online", "Seconds", "How")
    return csv_response("reconnects.csv", header, _reconnect_rows())


def _reconnect_rows() -> Iterator[tuple[str, ...]]:
    list_reconnects = services().radius.list_reconnects
    for case in every_item(lambda limit, after: list_reconnects(None, limit, after)):
        instants = (case.paid_at, case.released_at, case.router_acked_at, case.online_at)
        seconds = "" if case.milliseconds is None else str(Decimal(case.milliseconds).scaleb(-3))
        yield (
            case.username,
            *(instant.isoformat() if instant else "" for instant in instants),
            seconds,
            reconnect_how(case),
        )


def _rows(query: SessionQuery, routers: dict[str, str]) -> Iterator[tuple[str, ...]]:
    list_sessions = services().radius.list_sessions
    for session in every_item(lambda limit, after: list_sessions(query, limit, after)):
        yield (
            session.username,
            routers.get(session.router_id or "", ""),
            session.framed_ip_address or "",
            session.calling_station_id or "",
            session.started_at.isoformat() if session.started_at else "",
            session.stopped_at.isoformat() if session.stopped_at else "",
            str(session.output_octets),
            str(session.input_octets),
            session.terminate_cause or "",
        )


def pills(here: str) -> list[tuple[str, str, bool]]:
    """The links between the lists: title, address with the same filters, and whether it is this list."""
    kept: dict[str, Any] = {name: request.args.get(name) or None for name in ("q", "router", "order")}
    return [(title, url_for(view, **kept, show=shown), title == here) for title, view, shown in PILLS]


def _query() -> SessionQuery:
    return SessionQuery(
        text=text_argument("q") or None,
        open_only=request.args.get("show") != "all",
        router_id=text_argument("router") or None,
        order=choice_argument("order", SessionOrder) or SessionOrder.NEWEST,
    )


def _router_names() -> dict[str, str]:
    """Router names by id. While they are unavailable, sessions are shown without them."""
    return {router.id: router.name for router in known_routers() or []}
