"""Plans: what is sold."""

from __future__ import annotations

from typing import Annotated

from contracts.common import Page
from contracts.subscriber import ArchivePlan, BillingType, Burst, ChangePlan, CreatePlan, PlanStatus, PlanView
from pydantic import AwareDatetime

from gateway.api.fields import Input, Kbps, MoneyInput, Name, Text, one_of, optional
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission

KindOfBilling = Annotated[BillingType, one_of(BillingType)]


class BurstInput(Input):
    """RouterOS burst: speeds in kbit/s above the plan's, for `seconds` below the threshold."""

    download_kbps: Kbps
    upload_kbps: Kbps
    threshold_download_kbps: Kbps
    threshold_upload_kbps: Kbps
    seconds: int


class NewPlan(Input):
    name: Name
    price: MoneyInput
    billing_type: KindOfBilling = BillingType.POSTPAID
    download_kbps: Kbps
    upload_kbps: Kbps
    burst: BurstInput | None = None
    address_pool: Text | None = None


class PlanChange(Input):
    name: Name = optional()
    price: MoneyInput = optional()
    download_kbps: Kbps = optional()
    upload_kbps: Kbps = optional()
    burst: BurstInput | None = optional()
    address_pool: Text | None = optional()


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
    """Make a plan."""
    burst = Burst(**body.burst.given()) if body.burst else None
    fields = dict(body) | {"burst": burst}
    return services().subscriber.create_plan(CreatePlan(**fields, **by_operator()))


@endpoint("GET", "/plans", permission=Permission.VIEW_PLANS, query=Paging, answer=Listing[PlanShape])
def list_plans(query: Paging) -> Page[PlanView]:
    """List the plans, archived ones too."""
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
    """Change a plan; a new price applies to invoices made later. null takes a burst or a pool away."""
    fields = body.given()
    cleared = tuple(name for name in ("burst", "address_pool") if name in fields and fields[name] is None)
    if body.burst is not None:
        fields["burst"] = Burst(**body.burst.given())
    return services().subscriber.change_plan(
        ChangePlan(plan_id=plan_id, clear=cleared, **fields, **by_operator())
    )


@endpoint(
    "POST",
    "/plans/<plan_id>/archive",
    permission=Permission.EDIT_PLANS,
    answer=PlanShape,
    event=Event("api.archive_plan", "Archived a plan", "plan"),
)
def archive_plan(plan_id: str) -> PlanView:
    """Archive a plan: services keep it, new ones cannot take it."""
    return services().subscriber.archive_plan(ArchivePlan(plan_id=plan_id, **by_operator()))
