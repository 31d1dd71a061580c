"""The initial values and choices of the service form, and what the service will cost."""

from __future__ import annotations

from typing import Any

from contracts.common import InvalidInput
from contracts.pricing import BillingTerms, DiscountKind
from contracts.subscriber import PlanStatus
from flask import Response, request

from gateway.admin.pages import all_items, known_plans, page, show
from gateway.clients.context import current, services
from gateway.display.money import money
from gateway.display.network import speed
from gateway.display.subscribers import charge_in_words
from gateway.http.access import Permission
from gateway.resources.forms import read_form
from gateway.resources.services import TermsInput

# The initial values for a new service, and the fields that the form needs although the API does not.
BEGINNING = {"session_limit": "1"}
REQUIRED = ("pppoe_username", "pppoe_password")
DISCOUNT_KINDS = [(DiscountKind.AMOUNT.value, "₱"), (DiscountKind.PERCENT.value, "%")]


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
        "discount_kinds": DISCOUNT_KINDS,
        "charge_words": charge_words,
    }


@page("/services/charge", permission=Permission.EDIT_SUBSCRIBERS)
def service_charge() -> Response:
    """What a service costs with the plan and the billing terms that are being typed."""
    return show("panels/charge.html", words=charge_words(request.args.to_dict()))


def charge_words(texts: dict[str, str]) -> str:
    """In a sentence; empty while the plan or a field is missing or wrong."""
    plan = next((plan for plan in known_plans() or [] if plan.id == texts.get("plan_id")), None)
    try:
        typed = read_form(TermsInput, texts)
    except InvalidInput:
        return ""
    if plan is None:
        return ""
    discount = typed.discount.as_discount() if typed.discount else None
    return charge_in_words(BillingTerms(typed.individual_price, discount), plan.price, current().today())
