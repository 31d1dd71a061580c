"""Subscribers: list, export, add, edit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contracts.money import Money
from contracts.subscriber import RenewPaymentPage, ServiceStatus
from contracts.subscriber_lists import MoneyState, SubscriberOrder, SubscriberQuery
from flask import Response, g, request, url_for

from gateway.admin import service_forms
from gateway.admin.forms import Form, editing
from gateway.admin.lists import Listing, choice_argument, export_address, text_argument
from gateway.admin.pages import (
    PAGE_SIZE,
    Entry,
    by_operator,
    done,
    every_item,
    form_page,
    known_areas,
    known_plans,
    page,
    question,
    show,
)
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.waiting import wait_for_radius
from gateway.display.money import plain_amount
from gateway.display.subscribers import service_status
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.resources.accounts import sees_money
from gateway.resources.services import ServiceInput
from gateway.resources.subscribers import NewSubscriber, SubscriberChange, asks_for_money

MONEY_STATES = [
    (MoneyState.OWING, "Owing"),
    (MoneyState.OVERDUE, "Overdue"),
    (MoneyState.CREDIT, "In credit"),
]


@page("/subscribers", permission=Permission.VIEW_SUBSCRIBERS, sidebar=Entry(4, "Subscribers", "users"))
def subscribers() -> Response:
    query = _query()
    found = services().subscriber.list_subscribers(query, PAGE_SIZE, request.args.get("after"))
    return show(
        "subscribers.html",
        list=Listing(found, query.order.value, export_address("admin.subscribers_csv")),
        query=query,
        sees_money=sees_money(),
        plans=_plan_names(),
        areas=area_choices(),
        money_states=MONEY_STATES,
        narrowed=query != SubscriberQuery(order=query.order),
    )


@page("/subscribers.csv", permission=Permission.VIEW_SUBSCRIBERS)
def subscribers_csv() -> Response:
    header = (
        "Account",
        "Full Name",
        "Email",
        "Phone",
        "Address",
        "Area",
        "Balance",
        "PPPoE Username",
        "Plan",
        "Status",
        "Static IP",
        "Individual price",
        "Active since",
    )
    return csv_response("subscribers.csv", header, _rows(_query()))


@form_page(
    "/subscribers/new",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.add_subscriber", "Added a subscriber", "subscriber"),
)
def add_subscriber() -> Response:
    form, choices = Form(service_forms.BEGINNING), service_forms.choices()
    if request.method == "GET" and len(choices["router_options"]) == 1:
        form.values.setdefault("router_id", choices["router_options"][0][0])
    made = form.submit(
        NewSubscriber,
        lambda new: services().subscriber.create_subscriber(new.command(by_operator())),
        service=form.read(ServiceInput, required=service_forms.REQUIRED),
    )
    if made is not None:
        wait_for_radius(made.services)
        g.record_id = made.id
        return done(page_of(made.id), f"{made.full_name} was added. The PPPoE login works now.")
    return show("subscriber_form.html", form.status, form=form, editing=None, areas=known_areas(), **choices)


@form_page(
    "/subscribers/<subscriber_id>/edit",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.edit_subscriber", "Changed a subscriber", "subscriber"),
)
def edit_subscriber(subscriber_id: str) -> Response:
    found = services().subscriber.get_subscriber(subscriber_id)
    form = Form(editing(found, SubscriberChange.texts))
    changed = form.edit(
        SubscriberChange,
        lambda change: services().subscriber.change_subscriber(change.command(subscriber_id, by_operator())),
        lambda: services().subscriber.get_subscriber(subscriber_id),
        SubscriberChange.texts,
    )
    if changed is not None:
        return done(page_of(subscriber_id), f"{changed.full_name} was changed.")
    return show("subscriber_form.html", form.status, form=form, editing=found, areas=known_areas())


@form_page(
    "/subscribers/<subscriber_id>/payment-page/renew",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.renew_payment_page", "Renewed a payment link", "subscriber"),
)
def renew_payment_page(subscriber_id: str) -> Response:
    found, form = services().subscriber.get_subscriber(subscriber_id), Form()
    command = RenewPaymentPage(subscriber_id=subscriber_id, **by_operator())
    if form.attempt(lambda: services().subscriber.renew_payment_page(command)) is not None:
        g.record_id = subscriber_id
        return done(page_of(subscriber_id), f"{found.full_name} has a new payment link.")
    back, status = page_of(subscriber_id), form.status
    return question("payment_page_renew.html", status, back=back, form=form, subscriber=found)


def page_of(subscriber_id: str) -> str:
    return url_for("admin.subscriber", subscriber_id=subscriber_id)


def _query() -> SubscriberQuery:
    query = SubscriberQuery(
        text=text_argument("query") or None,
        status=choice_argument("status", ServiceStatus),
        plan_id=text_argument("plan") or None,
        router_id=text_argument("router") or None,
        area=text_argument("area") or None,
        money=choice_argument("money", MoneyState),
        order=choice_argument("order", SubscriberOrder) or SubscriberOrder.NEWEST,
    )
    if asks_for_money(query) and not sees_money():
        return replace(query, money=None, order=SubscriberOrder.NEWEST)
    return query


def area_choices() -> list[tuple[str, str]]:
    return [(area, area) for area in known_areas()]


def _plan_names() -> list[tuple[str, str]]:
    return [(plan.id, plan.name) for plan in known_plans() or []]


def _rows(query: SubscriberQuery) -> Iterator[tuple[str, ...]]:
    """One row per service; a subscriber without a service has one row, too."""
    list_subscribers = services().subscriber.list_subscribers
    for subscriber in every_item(lambda limit, after: list_subscribers(query, limit, after)):
        who = (
            subscriber.account_number,
            subscriber.full_name,
            subscriber.email,
            subscriber.phone,
            subscriber.address,
            subscriber.area,
            plain_amount(subscriber.balance) if sees_money() else "",
        )
        for service in subscriber.services:
            price = service.billing_terms.individual_price
            yield (
                *who,
                service.pppoe_username,
                service.plan_name,
                service_status(service).text,
                service.static_ip or "",
                _price(price),
                service.activated_on.isoformat(),
            )
        if not subscriber.services:
            yield (*who, "", "", "", "", "", "")


def _price(price: Money | None) -> str:
    return plain_amount(price) if price is not None and sees_money() else ""
