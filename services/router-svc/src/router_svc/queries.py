"""Reading routers. Lists are paged."""

from __future__ import annotations

from contracts.common import Page
from contracts.router import RouterView
from servicekit import loading
from servicekit.paging import page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from router_svc.models import Router
from router_svc.views import router_view


def get_router(session: Session, router_id: str) -> RouterView:
    """Raises NotFound if there is no such router."""
    return router_view(loading.get(session, Router, router_id))


def list_routers(session: Session, limit: int, after: str | None) -> Page[RouterView]:
    return page_of(session, select(Router), Router.id, router_view, limit=limit, after=after)
