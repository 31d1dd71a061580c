"""Subscribers: the people and businesses that the ISP serves."""

from __future__ import annotations

from typing import Annotated

from contracts.billing import AccountView
from contracts.common import Page
from contracts.radius import ServiceState
from contracts.subscriber import (
    RenewPaymentPage,
    ServiceStatus,
    SubscriberOrder,
    SubscriberQuery,
    SubscriberView,
)
from pydantic import AwareDatetime

from gateway.api.queries import QueryText
from gateway.api.routing import by_operator, endpoint, renaming
from gateway.api.services.shapes import ServiceShape, service_shape
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.lookups import states_of
from gateway.clients.waiting import wait_for_radius
from gateway.http.access import Permission
from gateway.resources.accounts import accounts_of, payment_page, sees_money
from gateway.resources.edits import save
from gateway.resources.fields import one_of
from gateway.resources.services import ServiceInput, own_field_name
from gateway.resources.subscribers import NewSubscriber, SubscriberChange

StatusFilter = Annotated[ServiceStatus, one_of(ServiceStatus)]


class SubscriberFilter(Paging):
    """`query`: a part of a name, login, phone, email or account number. `order`: newest, name or -name."""

    query: QueryText | None = None
    status: StatusFilter | None = None
    plan_id: QueryText | None = None
    router_id: QueryText | None = None
    order: Annotated[SubscriberOrder, one_of(SubscriberOrder)] = SubscriberOrder.NEWEST


class SubscriberShape(Shape):
    """`balance` is what they owe, negative for credit; null while billing is unavailable.

    `account_number` (10-0023-0) is for people to read out, and is no secret. `short_id` is the secret part of
    `payment_url`. Technicians get null for everything about money: `balance`, `short_id`, `payment_url`, and
    the services' `billing_terms`.
    """

    id: str
    account_number: str
    short_id: str | None
    payment_url: str | None
    full_name: str
    email: str
    phone: str
    address: str
    notes: str
    balance: MoneyShape | None
    services: list[ServiceShape]
    created_at: AwareDatetime
    version: int


def _field_of_new(field: str) -> str:
    own = own_field_name(field)
    return f"service.{own}" if own.split(".")[0] in ServiceInput.model_fields else own


@endpoint(
    "POST",
    "/subscribers",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=NewSubscriber,
    answer=SubscriberShape,
    status=201,
    event=Event("api.create_subscriber", "Added a subscriber", "subscriber"),
)
@renaming(_field_of_new)
def create_subscriber(body: NewSubscriber) -> SubscriberShape:
    """Create a subscriber, optionally together with a service."""
    made = services().subscriber.create_subscriber(body.command(by_operator()))
    return subscriber_shape(made, accounts_of([made]), wait_for_radius(made.services))


@endpoint(
    "GET",
    "/subscribers",
    permission=Permission.VIEW_SUBSCRIBERS,
    query=SubscriberFilter,
    answer=Listing[SubscriberShape],
)
def list_subscribers(query: SubscriberFilter) -> Page[SubscriberShape]:
    """List subscribers, filtered by text and by the status of their services."""
    wanted = SubscriberQuery(query.query, query.status, query.plan_id, query.router_id, query.order)
    page = services().subscriber.list_subscribers(wanted, query.limit, query.after)
    owed = accounts_of(page.items)
    states = states_of([service for subscriber in page.items for service in subscriber.services])
    return Page([subscriber_shape(found, owed, states) for found in page.items], page.next)


@endpoint(
    "GET", "/subscribers/<subscriber_id>", permission=Permission.VIEW_SUBSCRIBERS, answer=SubscriberShape
)
def get_subscriber(subscriber_id: str) -> SubscriberShape:
    """Show a subscriber with their balance and services."""
    return _shape_now(services().subscriber.get_subscriber(subscriber_id))


@endpoint(
    "PATCH",
    "/subscribers/<subscriber_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=SubscriberChange,
    answer=SubscriberShape,
    event=Event("api.change_subscriber", "Changed a subscriber", "subscriber"),
)
def change_subscriber(subscriber_id: str, body: SubscriberChange) -> SubscriberShape:
    """Change a subscriber's details."""
    subscriber = services().subscriber
    changed = save(
        body,
        lambda: subscriber.change_subscriber(body.command(subscriber_id, by_operator())),
        lambda: subscriber.get_subscriber(subscriber_id),
        body.texts,
    )
    return _shape_now(changed)


@endpoint(
    "POST",
    "/subscribers/<subscriber_id>/payment-page/renew",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=SubscriberShape,
    event=Event("api.renew_payment_page", "Renewed a payment link", "subscriber"),
)
def renew_payment_page(subscriber_id: str) -> SubscriberShape:
    """Give the payment page a new address. The old link and printed QR codes stop working."""
    command = RenewPaymentPage(subscriber_id=subscriber_id, **by_operator())
    return _shape_now(services().subscriber.renew_payment_page(command))


def subscriber_shape(
    subscriber: SubscriberView, accounts: dict[str, AccountView], states: dict[str, ServiceState]
) -> SubscriberShape:
    account = accounts.get(subscriber.id)
    return SubscriberShape(
        id=subscriber.id,
        account_number=subscriber.account_number,
        short_id=subscriber.short_id if sees_money() else None,
        payment_url=payment_page(subscriber),
        full_name=subscriber.full_name,
        email=subscriber.email,
        phone=subscriber.phone,
        address=subscriber.address,
        notes=subscriber.notes,
        balance=MoneyShape.of(account.balance) if account else None,
        services=[service_shape(service, states.get(service.id)) for service in subscriber.services],
        created_at=subscriber.created_at,
        version=subscriber.edit.version,
    )


def _shape_now(subscriber: SubscriberView) -> SubscriberShape:
    return subscriber_shape(subscriber, accounts_of([subscriber]), states_of(subscriber.services))
