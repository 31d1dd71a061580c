"""Routers: list, add, edit, disable and enable."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.radius import NasActivity
from contracts.router import ChangeRouter, RouterStatus, RouterView, SessionControl
from flask import Response, g, request, url_for

from gateway.admin.forms import Form, editing
from gateway.admin.lists import Listing
from gateway.admin.pages import (
    PAGE_SIZE,
    Entry,
    all_items,
    by_operator,
    done,
    form_page,
    page,
    question,
    show,
)
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.lookups import nas_activity
from gateway.clients.waiting import wait_for_nas
from gateway.display.network import router_status, secret_trouble
from gateway.display.router_commands import radius_commands
from gateway.display.words import Words
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.identity import shown_once
from gateway.resources.routers import MANUAL, NewRouter, RouterChange

CONTROLS = (
    (SessionControl.DISCONNECT.value, "Disconnect: the subscriber reconnects in a second or two"),
    (SessionControl.COA.value, "Update the current session (CoA); disconnect only if the router refuses"),
)

MAX_ROUTERS_WITH_ACTIVITY = 200  # radius-svc answers for that many at once


@page("/routers", permission=Permission.VIEW_ROUTERS, sidebar=Entry(2, "Routers", "router"))
def routers() -> Response:
    found = services().router.list_routers(PAGE_SIZE, request.args.get("after"))
    heard = nas_activity([router.id for router in found.items])
    rows = [(router, heard.get(router.id), _status(router, heard.get(router.id))) for router in found.items]
    troubles = [(router, secret_trouble(heard.get(router.id))) for router in found.items]
    return show(
        "routers.html",
        list=Listing(found, csv=url_for("admin.routers_csv")),
        rows=rows,
        troubles=[(router, trouble) for router, trouble in troubles if trouble is not None],
    )


@page("/routers.csv", permission=Permission.VIEW_ROUTERS)
def routers_csv() -> Response:
    header = ("Name", "Address", "CoA port", "Status", "Last seen", "Sessions")
    return csv_response("routers.csv", header, _rows())


@form_page(
    "/routers/new",
    permission=Permission.EDIT_ROUTERS,
    event=Event("admin.add_router", "Added a router", "router"),
)
def add_router() -> Response:
    form = Form(
        {
            "coa_port": "3799",
            "session_control": SessionControl.DISCONNECT.value,
            "require_message_authenticator": "on",
        }
    )
    made = form.submit(
        NewRouter,
        lambda new: services().router.register_router(new.command(by_operator())),
        required=("nas_address", "radius_secret"),
        connection=MANUAL,
    )
    if made is not None:
        wait_for_nas(made)
        g.record_id = made.id
        shown_once.keep(_secret_of(made.id), request.form["radius_secret"])
        return done(url_for("admin.connect_router", router_id=made.id), f"Router {made.name} was added.")
    return show("router_form.html", form.status, form=form, editing=None, controls=CONTROLS)


@page("/routers/<router_id>/connect", permission=Permission.EDIT_ROUTERS)
def connect_router(router_id: str) -> Response:
    """What to paste into the router. Its secret is filled in once: right after the router was added."""
    router = services().router.get_router(router_id)
    secret = shown_once.take(_secret_of(router_id))
    return show("router_connect.html", router=router, secret=secret, commands=radius_commands(router, secret))


@page("/routers/<router_id>/heard", permission=Permission.EDIT_ROUTERS)
def router_heard_panel(router_id: str) -> Response:
    """Whether a packet has arrived from the router."""
    router = services().router.get_router(router_id)
    activity = nas_activity([router_id]).get(router_id)
    return show(
        "panels/router_heard.html", router=router, activity=activity, trouble=secret_trouble(activity)
    )


def _secret_of(router_id: str) -> str:
    return f"secret of router {router_id}"


@form_page(
    "/routers/<router_id>/edit",
    permission=Permission.EDIT_ROUTERS,
    event=Event("admin.edit_router", "Changed a router", "router"),
)
def edit_router(router_id: str) -> Response:
    router = services().router.get_router(router_id)
    form = Form(editing(router, RouterChange.texts))
    changed = form.edit(
        RouterChange,
        lambda change: services().router.change_router(change.command(router_id, by_operator())),
        lambda: services().router.get_router(router_id),
        RouterChange.texts,
        choices={"session_control": CONTROLS},
        required=("nas_address",),
    )
    if changed is not None:
        wait_for_nas(changed)
        return done(url_for("admin.routers"), f"Router {changed.name} was changed.")
    activity = nas_activity([router_id]).get(router_id)
    return show(
        "router_form.html",
        form.status,
        form=form,
        editing=router,
        controls=CONTROLS,
        status=_status(router, activity),
        activity=activity,
        trouble=secret_trouble(activity),
    )


@form_page(
    "/routers/<router_id>/<any(disable, enable):change>",
    permission=Permission.EDIT_ROUTERS,
    event=Event("admin.change_router_status", "Enabled or disabled a router", "router"),
)
def change_router_status(router_id: str, change: str) -> Response:
    form, router = Form(), services().router.get_router(router_id)
    wanted = RouterStatus.DISABLED if change == "disable" else RouterStatus.ONLINE
    command = ChangeRouter(router_id=router_id, status=wanted, **by_operator())
    changed = form.attempt(lambda: services().router.change_router(command))
    if changed is not None:
        wait_for_nas(changed)
        return done(url_for("admin.routers"), f"Router {router.name} was {change}d.")
    return question(
        "router_status.html",
        form.status,
        back=url_for("admin.routers"),
        form=form,
        router=router,
        disabling=change == "disable",
    )


def _status(router: RouterView, activity: NasActivity | None) -> Words:
    trouble = secret_trouble(activity)
    return router_status(router, activity) if trouble is None else trouble.words


def _rows() -> Iterator[tuple[str, ...]]:
    known = all_items(services().router.list_routers)
    heard = nas_activity([router.id for router in known][:MAX_ROUTERS_WITH_ACTIVITY])
    for router in known:
        activity = heard.get(router.id)
        last = activity.last_heard_at if activity else None
        yield (
            router.name,
            router.nas_address,
            str(router.coa_port),
            _status(router, activity).text,
            last.isoformat() if last else "",
            str(activity.open_sessions) if activity else "",
        )
