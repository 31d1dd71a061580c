"""Services: what a subscriber has, the holds on it, and its live session."""

from __future__ import annotations

from datetime import date

from contracts.common import Page
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.radius import (
    AttemptView,
    DisconnectResult,
    DisconnectService,
    ReconnectView,
    RequestKind,
    RequestOutcome,
    ServiceState,
)
from contracts.subscriber import (
    HoldReason,
    ReleaseHold,
    ServiceStatus,
    ServiceView,
    TerminateService,
)
from pydantic import AwareDatetime, computed_field

from gateway.api.routing import by_operator, endpoint, renaming
from gateway.api.sessions import SessionShape
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.lookups import is_provisioned, states_of
from gateway.clients.waiting import wait_for_radius
from gateway.display import error_causes
from gateway.display.typed import percent_value
from gateway.http.access import Permission
from gateway.resources.accounts import sees_money
from gateway.resources.services import NewHold, ServiceChange, ServiceInput, own_field_name


class DiscountShape(Shape):
    """`value` as it is written: minor units for an amount, 10 or "12.5" for a percent."""

    kind: DiscountKind
    value: int | str
    until: date | None


class BillingTermsShape(Shape):
    individual_price: MoneyShape | None
    discount: DiscountShape | None


class HoldShape(Shape):
    id: str
    reason: HoldReason
    placed_by: str
    placed_at: AwareDatetime
    note: str
    released_at: AwareDatetime | None
    released_by: str | None


class ServiceShape(Shape):
    """`holds` are the standing ones; the service is up when there is none. Never the password.

    `session_limit`: how many sessions the login may have at a time; null is no limit.
    `provisioned`: the next dial gets the answer that what is shown here asks for.
    """

    id: str
    subscriber_id: str
    pppoe_username: str
    plan_id: str
    plan_name: str
    router_id: str
    static_ip: str | None
    session_limit: int | None
    billing_terms: BillingTermsShape | None
    status: ServiceStatus
    holds: list[HoldShape]
    released_holds: list[HoldShape]
    provisioned: bool
    session: SessionShape | None
    activated_on: date
    terminated_at: AwareDatetime | None
    created_at: AwareDatetime


class PlacedHold(HoldShape):
    """The hold, and the service as it is with it."""

    service: ServiceShape


class AttemptShape(Shape):
    """`error_cause` is why the router refused; `error_cause_name` what RFC 5176 3.6 calls it."""

    kind: RequestKind
    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: AwareDatetime
    answered_at: AwareDatetime | None

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorators on properties
    @property
    def error_cause_name(self) -> str | None:
        return error_causes.name_of(self.error_cause)


class DisconnectShape(Shape):
    """`attempts` has the outcome per method tried."""

    sessions: int
    disconnected: bool
    attempts: list[AttemptShape]


class ReconnectShape(Shape):
    """`seconds` from paid_at (or released_at) to online_at, with milliseconds; null until it is back."""

    id: str
    payment_id: str | None
    paid_at: AwareDatetime | None
    released_at: AwareDatetime
    authorized_at: AwareDatetime
    router_acked_at: AwareDatetime | None
    online_at: AwareDatetime | None
    seconds: float | None
    how: str | None


@endpoint(
    "POST",
    "/subscribers/<subscriber_id>/services",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=ServiceInput,
    answer=ServiceShape,
    status=201,
    event=Event("api.add_service", "Added a service", "subscriber"),
)
@renaming(own_field_name)
def add_service(subscriber_id: str, body: ServiceInput) -> ServiceShape:
    """Give a subscriber a service; the login works on the very next dial."""
    command = body.command(subscriber_id, by_operator())
    return _shape_when_provisioned(services().subscriber.add_service(command))


@endpoint("GET", "/services/<service_id>", permission=Permission.VIEW_SUBSCRIBERS, answer=ServiceShape)
def get_service(service_id: str) -> ServiceShape:
    """Show a service with its holds and its live session."""
    service = services().subscriber.get_service(service_id)
    return service_shape(service, states_of([service]).get(service.id))


@endpoint(
    "PATCH",
    "/services/<service_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=ServiceChange,
    answer=ServiceShape,
    event=Event("api.change_service", "Changed a service", "service"),
)
@renaming(own_field_name)
def change_service(service_id: str, body: ServiceChange) -> ServiceShape:
    """Change a service; what RADIUS answers follows at once."""
    subscriber = services().subscriber
    command = body.command(
        service_id, lambda: subscriber.get_service(service_id).billing_terms, by_operator()
    )
    return _shape_when_provisioned(services().subscriber.change_service(command))


@endpoint(
    "POST",
    "/services/<service_id>/terminate",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=ServiceShape,
    event=Event("api.terminate_service", "Terminated a service", "service"),
)
def terminate_service(service_id: str) -> ServiceShape:
    """End a service for good: its login is refused and no more is billed."""
    command = TerminateService(service_id=service_id, **by_operator())
    return _shape_when_provisioned(services().subscriber.terminate_service(command))


@endpoint(
    "POST",
    "/services/<service_id>/holds",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=NewHold,
    answer=PlacedHold,
    status=201,
    event=Event("api.place_hold", "Placed a hold on a service", "service"),
)
def place_hold(service_id: str, body: NewHold) -> PlacedHold:
    """Suspend a service for a reason. A payment lifts only `overdue`."""
    service = services().subscriber.place_hold(body.command(service_id, by_operator()))
    placed = [hold for hold in service.standing_holds if hold.reason is body.reason]
    newest = max(placed, key=lambda hold: hold.placed_at)
    shape = _shape_when_provisioned(service)
    return PlacedHold(**dict(HoldShape.of(newest)), service=shape)


@endpoint(
    "DELETE",
    "/services/<service_id>/holds/<hold_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=ServiceShape,
    event=Event("api.release_hold", "Released a hold on a service", "service"),
)
def release_hold(service_id: str, hold_id: str) -> ServiceShape:
    """Release a hold; the line comes back when it was the last one."""
    command = ReleaseHold(service_id=service_id, hold_id=hold_id, **by_operator())
    return _shape_when_provisioned(services().subscriber.release_hold(command))


@endpoint(
    "POST",
    "/services/<service_id>/disconnect",
    permission=Permission.DISCONNECT,
    answer=DisconnectShape,
    event=Event("api.disconnect_service", "Disconnected a session", "service"),
)
def disconnect_service(service_id: str) -> DisconnectResult:
    """Disconnect the live session of a service."""
    services().subscriber.get_service(service_id)  # an id that RADIUS does not know may still be one
    return services().radius.disconnect_service(DisconnectService(service_id=service_id, **by_operator()))


@endpoint(
    "GET",
    "/services/<service_id>/attempts",
    permission=Permission.VIEW_SESSIONS,
    query=Paging,
    answer=Listing[AttemptShape],
)
def list_attempts(service_id: str, query: Paging) -> Page[AttemptView]:
    """List what was asked of the router for a service, and what came of it."""
    services().subscriber.get_service(service_id)
    return services().radius.list_attempts(service_id, query.limit, query.after)


@endpoint(
    "GET",
    "/services/<service_id>/reconnects",
    permission=Permission.VIEW_SUBSCRIBERS,
    query=Paging,
    answer=Listing[ReconnectShape],
)
def list_reconnects(service_id: str, query: Paging) -> Page[ReconnectShape]:
    """List how long the line took to come back, case by case."""
    services().subscriber.get_service(service_id)
    page = services().radius.list_reconnects(service_id, query.limit, query.after)
    return Page([_reconnect_shape(case) for case in page.items], page.next)


def service_shape(service: ServiceView, state: ServiceState | None) -> ServiceShape:
    return ServiceShape(
        id=service.id,
        subscriber_id=service.subscriber_id,
        pppoe_username=service.pppoe_username,
        plan_id=service.plan_id,
        plan_name=service.plan_name,
        router_id=service.router_id,
        static_ip=service.static_ip,
        session_limit=service.session_limit,
        billing_terms=_terms_shape(service.billing_terms) if sees_money() else None,
        status=service.status,
        holds=[HoldShape.of(hold) for hold in service.standing_holds],
        released_holds=[HoldShape.of(hold) for hold in service.holds if not hold.is_standing],
        provisioned=is_provisioned(service, state),
        session=SessionShape.of(state.session) if state and state.session else None,
        activated_on=service.activated_on,
        terminated_at=service.terminated_at,
        created_at=service.created_at,
    )


def _shape_when_provisioned(service: ServiceView) -> ServiceShape:
    return service_shape(service, wait_for_radius([service]).get(service.id))


def _terms_shape(terms: BillingTerms) -> BillingTermsShape:
    price = None if terms.individual_price is None else MoneyShape.of(terms.individual_price)
    return BillingTermsShape(individual_price=price, discount=_discount_shape(terms.discount))


def _discount_shape(discount: Discount | None) -> DiscountShape | None:
    if discount is None:
        return None
    percent = discount.kind is DiscountKind.PERCENT
    value = percent_value(discount.value) if percent else discount.value
    return DiscountShape(kind=discount.kind, value=value, until=discount.until)


def _reconnect_shape(case: ReconnectView) -> ReconnectShape:
    return ReconnectShape(
        id=case.id,
        payment_id=case.payment_id,
        paid_at=case.paid_at,
        released_at=case.released_at,
        authorized_at=case.authorized_at,
        router_acked_at=case.router_acked_at,
        online_at=case.online_at,
        seconds=None if case.milliseconds is None else case.milliseconds / 1000,
        how=case.how,
    )
