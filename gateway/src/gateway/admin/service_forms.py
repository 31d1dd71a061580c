"""The form of a service: what is typed, as commands, and back."""

from __future__ import annotations

from typing import Any

from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import ChangeService, NewService, PlanStatus, ServiceView

from gateway.admin.forms import Form
from gateway.admin.pages import all_items, by_operator
from gateway.clients.context import services
from gateway.display.money import money
from gateway.display.network import speed
from gateway.display.typed import percent_hundredths, percent_value, pesos_as_typed

# What the form of a new service begins with.
BEGINNING = {"session_limit": "1"}


def choices(kept_plan_id: str | None = None) -> dict[str, Any]:
    """Plans on offer, and the one a service has although it is not offered any more; all routers."""
    plans = all_items(services().subscriber.list_plans)
    routers = all_items(services().router.list_routers)
    offered = [plan for plan in plans if plan.status is PlanStatus.ACTIVE or plan.id == kept_plan_id]
    return {
        "plan_options": [
            (plan.id, f"{plan.name} ({money(plan.price)}, {speed(plan.download_kbps)})") for plan in offered
        ],
        "router_options": [(router.id, router.name) for router in routers],
    }


def new_service(form: Form) -> NewService | None:
    username = form.text("pppoe_username", required=True)
    password = form.text("pppoe_password", required=True)
    plan_id, router_id = form.text("plan_id", required=True), form.text("router_id", required=True)
    static_ip, limit, terms = form.text("static_ip").strip(), _session_limit(form), _terms(form)
    if not form.ok:
        return None
    return NewService(
        pppoe_username=username,
        pppoe_password=password,
        plan_id=plan_id,
        router_id=router_id,
        static_ip=static_ip or None,
        billing_terms=terms,
        session_limit=limit,
    )


def change(form: Form, before: ServiceView) -> ServiceView | None:
    """An empty password leaves the password as it is; an empty static IP or limit takes it away."""
    username, password = form.text("pppoe_username", required=True), form.text("pppoe_password")
    plan_id, router_id = form.text("plan_id", required=True), form.text("router_id", required=True)
    static_ip, limit, terms = form.text("static_ip").strip(), _session_limit(form), _terms(form)
    if not form.ok:
        return None
    emptied = {"static_ip": not static_ip, "session_limit": limit is None}
    command = ChangeService(
        service_id=before.id,
        pppoe_username=username,
        pppoe_password=password or None,
        plan_id=plan_id,
        router_id=router_id,
        static_ip=static_ip or None,
        session_limit=limit,
        clear=tuple(name for name, empty in emptied.items() if empty),
        billing_terms=terms,
        **by_operator(),
    )
    return form.attempt(lambda: services().subscriber.change_service(command))


def _session_limit(form: Form) -> int | None:
    return form.integer("session_limit", required=False)


def _terms(form: Form) -> BillingTerms:
    return BillingTerms(form.pesos("individual_price"), _discount(form))


def _discount(form: Form) -> Discount | None:
    """`10%` or `12.5%` is a percent, anything else an amount."""
    typed, until = form.text("discount_value").strip(), form.day("discount_until")
    if not typed:
        return None
    if typed.endswith("%"):
        try:
            return Discount(DiscountKind.PERCENT, percent_hundredths(typed[:-1].strip()), until)
        except ValueError:
            form.wrong("discount_value", "This is not a percentage; write it like 10% or 12.5%")
            return None
    amount = form.pesos("discount_value")
    return Discount(DiscountKind.AMOUNT, amount.minor, until) if amount is not None else None


def as_typed(found: ServiceView) -> dict[str, str]:
    """The service in the words of its form."""
    terms, discount = found.billing_terms, found.billing_terms.discount
    typed = {
        "pppoe_username": found.pppoe_username,
        "plan_id": found.plan_id,
        "router_id": found.router_id,
        "static_ip": found.static_ip or "",
        "session_limit": "" if found.session_limit is None else str(found.session_limit),
        "individual_price": "" if terms.individual_price is None else pesos_as_typed(terms.individual_price),
    }
    if discount is not None:
        percent = discount.kind is DiscountKind.PERCENT
        typed["discount_value"] = (
            f"{percent_value(discount.value)}%" if percent else pesos_as_typed(Money(discount.value))
        )
        typed["discount_until"] = discount.until.isoformat() if discount.until else ""
    return typed
