"""Rows to contract views, always paged."""

from __future__ import annotations

from contracts.common import NotFound, Page
from contracts.router import RouterView
from servicekit.paging import page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from router_svc.models import Router


def get_router(session: Session, router_id: str) -> RouterView:
    router = session.get(Router, router_id)
    if router is None:
        raise NotFound(f"there is no router {router_id}")
    return router_view(router)


def list_routers(session: Session, limit: int, after: str | None) -> Page[RouterView]:
    return page_of(session, select(Router), Router.id, router_view, limit=limit, after=after)


def router_view(router: Router) -> RouterView:
    return RouterView(
        id=router.id,
        version=router.version,
        name=router.name,
        status=router.status,
        nas_address=router.nas_address,
        coa_port=router.coa_port,
        session_control=router.session_control,
        require_message_authenticator=router.require_message_authenticator,
        created_at=router.created_at,
    )
