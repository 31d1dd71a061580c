"""Subscribers: the people and businesses that the ISP serves."""

from __future__ import annotations

from typing import Annotated

from contracts.common import Page
from contracts.money import Money
from contracts.radius import ServiceState
from contracts.subscriber import RenewPaymentPage, ServiceStatus, SubscriberView
from contracts.subscriber_lists import MoneyState, SubscriberOrder, SubscriberQuery
from pydantic import AwareDatetime
from werkzeug.exceptions import Forbidden

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
from gateway.resources.subscribers import NewSubscriber, SubscriberChange, asks_for_money

StatusFilter = Annotated[ServiceStatus, one_of(ServiceStatus)]


class SubscriberFilter(Paging):
    """`query`: a part of a name, area, login, phone, email or account number. `area`: a whole area.

    `money` and orders by `balance` or `oldest_due` are refused for operators who may not see money.
    `order`: newest, name, balance (smallest first) or oldest_due (longest overdue first); a minus reverses
    name and balance.
    """

    query: QueryText | None = None
    status: StatusFilter | None = None
    plan_id: QueryText | None = None
    router_id: QueryText | None = None
    area: QueryText | None = None
    money: Annotated[MoneyState, one_of(MoneyState)] | None = None
    order: Annotated[SubscriberOrder, one_of(SubscriberOrder)] = SubscriberOrder.NEWEST


class SubscriberShape(Shape):
    """`balance` is what they owe, negative for credit; null while billing is unavailable. In lists it can be
    a few seconds old.

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
    area: str
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
    return _shape(made, made.balance if sees_money() else None, wait_for_radius(made.services))


@endpoint(
    "GET",
    "/subscribers",
    permission=Permission.VIEW_SUBSCRIBERS,
    query=SubscriberFilter,
    answer=Listing[SubscriberShape],
)
def list_subscribers(query: SubscriberFilter) -> Page[SubscriberShape]:
    """List subscribers, filtered by text, area, what they owe, and the status of their services."""
    wanted = SubscriberQuery(
        text=query.query,
        status=query.status,
        plan_id=query.plan_id,
        router_id=query.router_id,
        area=query.area,
        money=query.money,
        order=query.order,
    )
    if asks_for_money(wanted) and not sees_money():
        raise Forbidden("your role does not allow filtering or sorting by money")
    page = services().subscriber.list_subscribers(wanted, query.limit, query.after)
    states = states_of([service for subscriber in page.items for service in subscriber.services])
    shapes = [_shape(found, found.balance if sees_money() else None, states) for found in page.items]
    return Page(shapes, page.next)


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


def _shape(
    subscriber: SubscriberView, balance: Money | None, states: dict[str, ServiceState]
) -> SubscriberShape:
    return SubscriberShape(
        id=subscriber.id,
        account_number=subscriber.account_number,
        short_id=subscriber.short_id if sees_money() else None,
        payment_url=payment_page(subscriber),
        full_name=subscriber.full_name,
        email=subscriber.email,
        phone=subscriber.phone,
        address=subscriber.address,
        area=subscriber.area,
        notes=subscriber.notes,
        balance=MoneyShape.of(balance) if balance is not None else None,
        services=[service_shape(service, states.get(service.id)) for service in subscriber.services],
        created_at=subscriber.created_at,
        version=subscriber.edit.version,
    )


def _shape_now(subscriber: SubscriberView) -> SubscriberShape:
    account = accounts_of([subscriber]).get(subscriber.id)
    return _shape(subscriber, account.balance if account else None, states_of(subscriber.services))
