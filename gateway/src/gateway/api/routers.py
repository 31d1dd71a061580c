"""Routers: the RADIUS clients (NAS) that subscribers connect to."""

from __future__ import annotations

from contracts.common import Page
from contracts.radius import NasActivity, NasHealth
from contracts.router import RouterStatus, RouterView, SessionControl
from pydantic import AwareDatetime

from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.lookups import nas_activity
from gateway.clients.waiting import wait_for_nas
from gateway.http.access import Permission
from gateway.resources.edits import save
from gateway.resources.routers import MANUAL, NewRouter, RouterChange


class RouterShape(Shape):
    """`health` is based on its latest packets; null if RADIUS is unavailable. The secret is never shown.

    `secret_mismatch_at`: when it last sent a packet signed with a different secret; null if there is none or
    it is too old to matter. `also_well_signed`: correctly signed packets arrive too, maybe from elsewhere.
    """

    id: str
    name: str
    connection: str
    status: RouterStatus
    health: NasHealth | None
    last_heard_at: AwareDatetime | None
    secret_mismatch_at: AwareDatetime | None
    also_well_signed: bool | None
    open_sessions: int | None
    nas_address: str
    coa_port: int
    session_control: SessionControl
    require_message_authenticator: bool
    created_at: AwareDatetime
    version: int


@endpoint(
    "POST",
    "/routers",
    permission=Permission.EDIT_ROUTERS,
    body=NewRouter,
    answer=RouterShape,
    status=201,
    event=Event("api.register_router", "Added a router", "router"),
)
def register_router(body: NewRouter) -> RouterShape:
    """Register a router as a RADIUS client."""
    router = services().router.register_router(body.command(by_operator()))
    return router_shape(router, wait_for_nas(router))


@endpoint("GET", "/routers", permission=Permission.VIEW_ROUTERS, query=Paging, answer=Listing[RouterShape])
def list_routers(query: Paging) -> Page[RouterShape]:
    """List the routers."""
    page = services().router.list_routers(query.limit, query.after)
    heard = nas_activity([router.id for router in page.items])
    return Page([router_shape(router, heard.get(router.id)) for router in page.items], page.next)


@endpoint("GET", "/routers/<router_id>", permission=Permission.VIEW_ROUTERS, answer=RouterShape)
def get_router(router_id: str) -> RouterShape:
    """Show a router."""
    router = services().router.get_router(router_id)
    return router_shape(router, nas_activity([router_id]).get(router_id))


@endpoint(
    "PATCH",
    "/routers/<router_id>",
    permission=Permission.EDIT_ROUTERS,
    body=RouterChange,
    answer=RouterShape,
    event=Event("api.change_router", "Changed a router", "router"),
)
def change_router(router_id: str, body: RouterChange) -> RouterShape:
    """Change a router."""
    router = save(
        body,
        lambda: services().router.change_router(body.command(router_id, by_operator())),
        lambda: services().router.get_router(router_id),
        body.texts,
    )
    # A disabled router is not a RADIUS client, so there is nothing to wait for.
    heard = wait_for_nas(router) if router.status is not RouterStatus.DISABLED else None
    return router_shape(router, heard)


def router_shape(router: RouterView, activity: NasActivity | None) -> RouterShape:
    return RouterShape(
        id=router.id,
        name=router.name,
        connection=MANUAL,
        status=router.status,
        health=activity.health if activity else None,
        last_heard_at=activity.last_heard_at if activity else None,
        secret_mismatch_at=activity.secret_mismatch_at if activity else None,
        also_well_signed=activity.also_well_signed if activity else None,
        open_sessions=activity.open_sessions if activity else None,
        nas_address=router.nas_address,
        coa_port=router.coa_port,
        session_control=router.session_control,
        require_message_authenticator=router.require_message_authenticator,
        created_at=router.created_at,
        version=router.edit.version,
    )
