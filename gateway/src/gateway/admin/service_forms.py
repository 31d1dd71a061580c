"""The initial values and choices of the service form."""

from __future__ import annotations

from typing import Any

from contracts.subscriber import (
    PlanStatus,
)

from gateway.admin.pages import all_items
from gateway.clients.context import services
from gateway.display.money import money
from gateway.display.network import speed

# The initial values for a new service, and the fields that the form needs although the API does not.
BEGINNING = {"session_limit": "1"}
REQUIRED = ("pppoe_username", "pppoe_password")


def choices(kept_plan_id: str | None = None) -> dict[str, Any]:
    """The active plans, the plan that the service has even if it is archived, and all routers."""
    plans = all_items(services().subscriber.list_plans)
    routers = all_items(services().router.list_routers)
    offered = [plan for plan in plans if plan.status is PlanStatus.ACTIVE or plan.id == kept_plan_id]
    return {
        "plan_options": [
            (plan.id, f"{plan.name} ({money(plan.price)}, {speed(plan.download_kbps)})") for plan in offered
        ],
        "router_options": [(router.id, router.name) for router in routers],
    }
