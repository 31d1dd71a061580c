"""Subscribers: list and search, add, one subscriber's page, and what is done to their services."""

from __future__ import annotations

from typing import Any

from contracts.radius import DisconnectResult, DisconnectService, ServiceState
from contracts.subscriber import (
    AddService,
    BillingTerms,
    ChangeService,
    CreateSubscriber,
    Discount,
    DiscountKind,
    HoldReason,
    NewService,
    PlaceHold,
    PlanStatus,
    ReleaseHold,
    ServiceStatus,
    ServiceView,
    SubscriberView,
    TerminateService,
)
from flask import Response, g, request, url_for

from gateway.access import Permission
from gateway.admin.forms import Form
from gateway.admin.pages import (
    PAGE_SIZE,
    action,
    all_items,
    allowed,
    by_operator,
    done,
    form_page,
    if_it_answers,
    page,
    show,
)
from gateway.context import current, services
from gateway.provisioning import is_provisioned, states_of, wait_for_radius
from gateway.typed import percent_hundredths, percent_value

RECENT = 10
STATUSES = ((ServiceStatus.ACTIVE, "Active"), (ServiceStatus.SUSPENDED, "Suspended"))


@page("/subscribers", permission=Permission.VIEW_SUBSCRIBERS)
def subscribers() -> Response:
    query, status = request.args.get("query", "")[:200], request.args.get("status", "")
    wanted = ServiceStatus(status) if status in {value for value, _ in STATUSES} else None
    found = services().subscriber.list_subscribers(
        query or None, wanted, PAGE_SIZE, request.args.get("after")
    )
    return show(
        "subscribers.html",
        found=found.items,
        accounts=_accounts(found.items),
        next=found.next,
        query=query,
        status=status,
        statuses=STATUSES,
    )


@form_page("/subscribers/new", permission=Permission.EDIT_SUBSCRIBERS)
def add_subscriber() -> Response:
    form = Form()
    if request.method == "POST":
        made = _create(form)
        if made is not None:
            wait_for_radius(made.services)
            g.record_id = made.id
            return done(_page_of(made.id), f"{made.full_name} was added.")
    return show("subscriber_form.html", 200 if form.ok else 422, form=form, **_choices())


@page("/subscribers/<subscriber_id>", permission=Permission.VIEW_SUBSCRIBERS)
def subscriber(subscriber_id: str) -> Response:
    found = services().subscriber.get_subscriber(subscriber_id)
    states, optional = states_of(found.services), current().optional
    sees_money = allowed(Permission.VIEW_BILLING)
    invoices = payments = None
    if sees_money:
        invoices = if_it_answers(
            lambda: optional.billing.list_invoices(None, subscriber_id, RECENT, None).items
        )
        payments = if_it_answers(lambda: optional.payment.list_payments(subscriber_id, RECENT, None).items)
    return show(
        "subscriber.html",
        subscriber=found,
        account=_accounts([found]).get(found.id),
        cards=[_card(service, states) for service in found.services],
        invoices=invoices,
        payments=payments,
        sees_money=sees_money,
        payment_url=f"{current().settings.public_url}/c/{found.short_id}",
    )


@page("/services/<service_id>", permission=Permission.VIEW_SUBSCRIBERS)
def service(service_id: str) -> Response:
    """Lists that know only the service lead to its subscriber by this."""
    found = services().subscriber.get_service(service_id)
    return done(_page_of(found.subscriber_id))


@form_page("/subscribers/<subscriber_id>/services/new", permission=Permission.EDIT_SUBSCRIBERS)
def add_service(subscriber_id: str) -> Response:
    owner = services().subscriber.get_subscriber(subscriber_id)
    form = Form()
    if request.method == "POST":
        new = _new_service(form)
        if new is not None:
            command = AddService(subscriber_id=subscriber_id, service=new, **by_operator())
            made = form.attempt(lambda: services().subscriber.add_service(command))
            if made is not None:
                wait_for_radius([made])
                return done(_page_of(subscriber_id), f"Service {made.pppoe_username} was added.")
    return show(
        "service_form.html", 200 if form.ok else 422, form=form, subscriber=owner, editing=None, **_choices()
    )


@form_page("/services/<service_id>/edit", permission=Permission.EDIT_SUBSCRIBERS)
def edit_service(service_id: str) -> Response:
    found = services().subscriber.get_service(service_id)
    form = Form(_as_typed(found))
    if request.method == "POST":
        changed = _change(form, found)
        if changed is not None:
            wait_for_radius([changed])
            return done(_page_of(found.subscriber_id), f"Service {changed.pppoe_username} was changed.")
    owner = services().subscriber.get_subscriber(found.subscriber_id)
    return show(
        "service_form.html", 200 if form.ok else 422, form=form, subscriber=owner, editing=found, **_choices()
    )


@action("/services/<service_id>/suspend", permission=Permission.EDIT_SUBSCRIBERS)
def suspend(service_id: str) -> Response:
    note = Form().text("note")[:200]
    command = PlaceHold(service_id=service_id, reason=HoldReason.ADMIN, note=note, **by_operator())
    return _back_to(services().subscriber.place_hold(command), "was suspended")


@action("/services/<service_id>/holds/<hold_id>/release", permission=Permission.EDIT_SUBSCRIBERS)
def restore(service_id: str, hold_id: str) -> Response:
    command = ReleaseHold(service_id=service_id, hold_id=hold_id, **by_operator())
    restored = services().subscriber.release_hold(command)
    still = restored.status is ServiceStatus.SUSPENDED
    return _back_to(restored, "has one hold less, others stand" if still else "was restored")


@action("/services/<service_id>/kick", permission=Permission.DISCONNECT)
def kick(service_id: str) -> Response:
    found = services().subscriber.get_service(service_id)
    result = services().radius.disconnect_service(DisconnectService(service_id=service_id, **by_operator()))
    return done(_page_of(found.subscriber_id), _outcome(found, result))


@action("/services/<service_id>/terminate", permission=Permission.EDIT_SUBSCRIBERS)
def terminate(service_id: str) -> Response:
    command = TerminateService(service_id=service_id, **by_operator())
    return _back_to(services().subscriber.terminate_service(command), "was terminated")


def _page_of(subscriber_id: str) -> str:
    return url_for("admin.subscriber", subscriber_id=subscriber_id)


def _back_to(changed: ServiceView, what: str) -> Response:
    wait_for_radius([changed])
    return done(_page_of(changed.subscriber_id), f"{changed.pppoe_username} {what}.")


def _outcome(kicked: ServiceView, result: DisconnectResult) -> str:
    if result.sessions == 0:
        return f"{kicked.pppoe_username} has no live session."
    if result.disconnected:
        return f"{kicked.pppoe_username} was disconnected."
    details = "; ".join(attempt.detail or attempt.outcome.value for attempt in result.attempts)
    return f"The router did not disconnect {kicked.pppoe_username}: {details}."


def _accounts(found: list[SubscriberView]) -> dict[str, Any]:
    if not found or not allowed(Permission.VIEW_BILLING):
        return {}
    accounts = if_it_answers(
        lambda: current().optional.billing.list_accounts([subscriber.id for subscriber in found])
    )
    return {account.subscriber_id: account for account in accounts or []}


def _card(found: ServiceView, states: dict[str, ServiceState]) -> dict[str, Any]:
    """What the page shows of one service."""
    state = states.get(found.id)
    reconnects = if_it_answers(
        lambda: current().optional.radius.list_reconnects(found.id, RECENT, None).items
    )
    return {
        "service": found,
        "holds": [hold for hold in found.holds if hold.released_at is None],
        "past_holds": [hold for hold in found.holds if hold.released_at is not None],
        "provisioned": is_provisioned(found, state),
        "session": state.session if state else None,
        "reconnects": reconnects or [],
        "ended": found.status is ServiceStatus.TERMINATED,
    }


def _choices() -> dict[str, Any]:
    plans = all_items(services().subscriber.list_plans)
    routers = all_items(services().router.list_routers)
    return {
        "plan_options": [(plan.id, plan.name) for plan in plans if plan.status is PlanStatus.ACTIVE],
        "router_options": [(router.id, router.name) for router in routers],
    }


def _create(form: Form) -> SubscriberView | None:
    fields = {name: form.text(name) for name in ("email", "phone")}
    fields["address"] = form.text("address", longest=1000)
    full_name, new = form.text("full_name", required=True), _new_service(form)
    if not form.ok or new is None:
        return None
    command = CreateSubscriber(full_name=full_name, service=new, **fields, **by_operator())
    return form.attempt(lambda: services().subscriber.create_subscriber(command))


def _new_service(form: Form) -> NewService | None:
    username = form.text("pppoe_username", required=True)
    password = form.text("pppoe_password", required=True)
    plan_id, router_id = form.text("plan_id", required=True), form.text("router_id", required=True)
    static_ip, terms = form.text("static_ip").strip(), _terms(form)
    if not form.ok:
        return None
    return NewService(
        pppoe_username=username,
        pppoe_password=password,
        plan_id=plan_id,
        router_id=router_id,
        static_ip=static_ip or None,
        billing_terms=terms,
    )


def _change(form: Form, before: ServiceView) -> ServiceView | None:
    """An empty password leaves the password as it is; an empty static IP takes it away."""
    username, password = form.text("pppoe_username", required=True), form.text("pppoe_password")
    plan_id, router_id = form.text("plan_id", required=True), form.text("router_id", required=True)
    static_ip, terms = form.text("static_ip").strip(), _terms(form)
    if not form.ok:
        return None
    command = ChangeService(
        service_id=before.id,
        pppoe_username=username,
        pppoe_password=password or None,
        plan_id=plan_id,
        router_id=router_id,
        static_ip=static_ip or None,
        clear=() if static_ip else ("static_ip",),
        billing_terms=terms,
        **by_operator(),
    )
    return form.attempt(lambda: services().subscriber.change_service(command))


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


def _as_typed(found: ServiceView) -> dict[str, str]:
    """The service in the words of its form."""
    terms, discount = found.billing_terms, found.billing_terms.discount
    typed = {
        "pppoe_username": found.pppoe_username,
        "plan_id": found.plan_id,
        "router_id": found.router_id,
        "static_ip": found.static_ip or "",
        "individual_price": "" if terms.individual_price is None else _pesos(terms.individual_price.minor),
    }
    if discount is not None:
        percent = discount.kind is DiscountKind.PERCENT
        typed["discount_value"] = f"{percent_value(discount.value)}%" if percent else _pesos(discount.value)
        typed["discount_until"] = discount.until.isoformat() if discount.until else ""
    return typed


def _pesos(minor: int) -> str:
    whole, cents = divmod(minor, 100)
    return f"{whole:,}.{cents:02d}"
