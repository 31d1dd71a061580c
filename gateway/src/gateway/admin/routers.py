"""Routers: list, add, disable and enable."""

from __future__ import annotations

from contracts.router import ChangeRouter, RegisterRouter, RouterStatus, RouterView
from flask import Response, g, request, url_for

from gateway.access import Permission
from gateway.admin.forms import Form
from gateway.admin.pages import PAGE_SIZE, action, by_operator, done, form_page, page, show
from gateway.context import services
from gateway.display import router_status
from gateway.provisioning import nas_activity, wait_for_nas


@page("/routers", permission=Permission.VIEW_ROUTERS)
def routers() -> Response:
    found = services().router.list_routers(PAGE_SIZE, request.args.get("after"))
    heard = nas_activity([router.id for router in found.items])
    rows = [
        (router, heard.get(router.id), router_status(router, heard.get(router.id))) for router in found.items
    ]
    return show("routers.html", rows=rows, next=found.next)


@form_page("/routers/new", permission=Permission.EDIT_ROUTERS)
def add_router() -> Response:
    form = Form({"coa_port": "3799"})
    if request.method == "POST":
        made = _register(form)
        if made is not None:
            wait_for_nas(made.id)
            g.record_id = made.id
            return done(url_for("admin.routers"), f"Router {made.name} was added.")
    return show("router_form.html", 200 if form.ok else 422, form=form)


@action("/routers/<router_id>/<any(disable, enable):change>", permission=Permission.EDIT_ROUTERS)
def change_router_status(router_id: str, change: str) -> Response:
    wanted = RouterStatus.DISABLED if change == "disable" else RouterStatus.ONLINE
    services().router.change_router(ChangeRouter(router_id=router_id, status=wanted, **by_operator()))
    return done(url_for("admin.routers"))


def _register(form: Form) -> RouterView | None:
    name = form.text("name", required=True)
    address = form.text("nas_address", required=True)
    secret = form.text("radius_secret", required=True)
    port = form.integer("coa_port")
    if not form.ok or port is None:
        return None
    command = RegisterRouter(
        name=name, nas_address=address.strip(), radius_secret=secret, coa_port=port, **by_operator()
    )
    return form.attempt(lambda: services().router.register_router(command))
