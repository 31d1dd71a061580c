"""Refused logins and the reasons, including logins that no service has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contracts.radius import RejectQuery, RejectReason, RejectView
from flask import Response, request

from gateway.admin.lists import Listing, export_address, text_argument
from gateway.admin.pages import PAGE_SIZE, every_item, page, show
from gateway.admin.sessions import REFUSED, pills
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.display.network import refused_login
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response

RECENT_DAYS = 7
LOOKED_AT = 25
SHOWN = 3


@page("/refused-logins", permission=Permission.VIEW_SESSIONS)
def refused_logins() -> Response:
    query = _query()
    found = services().radius.list_rejects(query, PAGE_SIZE, request.args.get("after"))
    return show(
        "refused_logins.html",
        list=Listing(found, csv=export_address("admin.refused_logins_csv")),
        rows=[refused_login(reject) for reject in found.items],
        query=query,
        pills=pills(REFUSED),
        of_whom=_login_of(query.service_id) if query.service_id else "",
    )


@page("/refused-logins.csv", permission=Permission.VIEW_SESSIONS)
def refused_logins_csv() -> Response:
    header = ("Date", "Username", "MAC address", "Called station", "Reason", "Times")
    return csv_response("refused-logins.csv", header, _rows(_query()))


@page("/services/<service_id>/refused", permission=Permission.VIEW_SESSIONS)
def service_refused(service_id: str) -> Response:
    """Why a service cannot connect; empty once it has connected."""
    since = current().clock.now() - timedelta(days=RECENT_DAYS)
    query = RejectQuery(service_id=service_id, since=since, since_on_line=True)
    found = if_it_answers(lambda: current().optional.radius.list_rejects(query, LOOKED_AT, None))
    # A device retries endlessly, so show each kind of refusal once, by its last time.
    kinds: dict[tuple[str, RejectReason | None], RejectView] = {}
    for reject in found.items if found else []:
        kinds.setdefault((reject.username, reject.reason), reject)
    rows = [refused_login(reject) for reject in kinds.values()][:SHOWN]
    return show("panels/refused.html", rows=rows, service_id=service_id)


def _query() -> RejectQuery:
    return RejectQuery(text=text_argument("q") or None, service_id=text_argument("service") or None)


def _login_of(service_id: str) -> str:
    found = if_it_answers(lambda: current().optional.subscriber.get_service(service_id))
    return found.pppoe_username if found else "this service"


def _rows(query: RejectQuery) -> Iterator[tuple[str, ...]]:
    list_rejects = services().radius.list_rejects
    for reject in every_item(lambda limit, after: list_rejects(query, limit, after)):
        shown = refused_login(reject)
        yield (
            reject.at.isoformat(),
            shown.username,
            shown.device,
            shown.called,
            shown.words.text,
            str(reject.repeats),
        )
