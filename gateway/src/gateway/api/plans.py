"""Plans: the services on offer."""

from __future__ import annotations

from contracts.common import Page
from contracts.subscriber import ArchivePlan, BillingType, PlanStatus, PlanView
from pydantic import AwareDatetime

from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape, Version
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.edits import save
from gateway.resources.plans import NewPlan, PlanChange


class BurstShape(Shape):
    download_kbps: int
    upload_kbps: int
    threshold_download_kbps: int
    threshold_upload_kbps: int
    seconds: int


class PlanShape(Shape):
    id: str
    name: str
    price: MoneyShape
    billing_type: BillingType
    download_kbps: int
    upload_kbps: int
    burst: BurstShape | None
    address_pool: str | None
    status: PlanStatus
    created_at: AwareDatetime
    version: Version


@endpoint(
    "POST",
    "/plans",
    permission=Permission.EDIT_PLANS,
    body=NewPlan,
    answer=PlanShape,
    status=201,
    event=Event("api.create_plan", "Added a plan", "plan"),
)
def create_plan(body: NewPlan) -> PlanView:
    """Create a plan."""
    return services().subscriber.create_plan(body.command(by_operator()))


@endpoint("GET", "/plans", permission=Permission.VIEW_PLANS, query=Paging, answer=Listing[PlanShape])
def list_plans(query: Paging) -> Page[PlanView]:
    """List the plans, including archived ones."""
    return services().subscriber.list_plans(query.limit, query.after)


@endpoint("GET", "/plans/<plan_id>", permission=Permission.VIEW_PLANS, answer=PlanShape)
def get_plan(plan_id: str) -> PlanView:
    """Show a plan."""
    return services().subscriber.get_plan(plan_id)


@endpoint(
    "PATCH",
    "/plans/<plan_id>",
    permission=Permission.EDIT_PLANS,
    body=PlanChange,
    answer=PlanShape,
    event=Event("api.change_plan", "Changed a plan", "plan"),
)
def change_plan(plan_id: str, body: PlanChange) -> PlanView:
    """Change a plan. A new price applies to later invoices. null removes the burst or the pool."""
    subscriber = services().subscriber
    return save(
        body,
        lambda: subscriber.change_plan(body.command(plan_id, by_operator())),
        lambda: subscriber.get_plan(plan_id),
        body.texts,
    )


@endpoint(
    "POST",
    "/plans/<plan_id>/archive",
    permission=Permission.EDIT_PLANS,
    answer=PlanShape,
    event=Event("api.archive_plan", "Archived a plan", "plan"),
)
def archive_plan(plan_id: str) -> PlanView:
    """Archive a plan: existing services keep it, new ones cannot use it."""
    return services().subscriber.archive_plan(ArchivePlan(plan_id=plan_id, **by_operator()))
