"""Sessions: who is on line."""

from __future__ import annotations

from flask import Response, request

from gateway.access import Permission
from gateway.admin.pages import PAGE_SIZE, all_items, if_it_answers, page, show
from gateway.context import current, services


@page("/sessions", permission=Permission.VIEW_SESSIONS)
def sessions() -> Response:
    every = request.args.get("show") == "all"
    found = services().radius.list_sessions(not every, None, PAGE_SIZE, request.args.get("after"))
    routers = if_it_answers(lambda: all_items(current().optional.router.list_routers)) or []
    return show(
        "sessions.html",
        sessions=found.items,
        next=found.next,
        every=every,
        routers={router.id: router.name for router in routers},
    )
