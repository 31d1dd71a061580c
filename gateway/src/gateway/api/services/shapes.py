"""What the API responds about a service."""

from __future__ import annotations

from datetime import date

from contracts.access import active_exemptions
from contracts.holds import ExemptionKind, HoldReason
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.radius import ServiceState
from contracts.subscriber import ServiceStatus, ServiceView
from pydantic import AwareDatetime

from gateway.api.sessions import SessionShape
from gateway.api.shapes import MoneyShape, Shape
from gateway.clients.context import current
from gateway.clients.lookups import is_provisioned
from gateway.clients.waiting import wait_for_radius
from gateway.display.typed import percent_value
from gateway.resources.accounts import sees_money


class DiscountShape(Shape):
    """`value` is in minor units for an amount, and 10 or "12.5" for a percentage."""

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


class ExemptionShape(Shape):
    """The holds that `kind` covers don't suspend the service from `starts_at` up to, not including, `until`.

    `ended_at` is null until it ends; `ended_by` is null if its time was over, "billing" if the bill was paid.
    """

    id: str
    kind: ExemptionKind
    starts_at: AwareDatetime
    until: AwareDatetime
    author: str
    note: str
    ended_at: AwareDatetime | None
    ended_by: str | None


class ServiceShape(Shape):
    """`holds` are the active ones; `exemptions` are the active ones, too. The service is active while its
    exemptions cover every hold. The password is never shown.

    `session_limit`: how many sessions the login may have at once; null means no limit.
    `billed_from`: the month of this day is the first that is billed.
    `provisioned`: whether RADIUS has these values, so that the next login uses them.
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
    exemptions: list[ExemptionShape]
    provisioned: bool
    session: SessionShape | None
    activated_on: date
    billed_from: date
    terminated_at: AwareDatetime | None
    created_at: AwareDatetime
    version: int


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
        exemptions=[
            ExemptionShape.of(one) for one in active_exemptions(service.exemptions, current().clock.now())
        ],
        provisioned=is_provisioned(service, state),
        session=SessionShape.of(state.session) if state and state.session else None,
        activated_on=service.activated_on,
        billed_from=service.billed_from,
        terminated_at=service.terminated_at,
        created_at=service.created_at,
        version=service.edit.version,
    )


def shape_when_provisioned(service: ServiceView) -> ServiceShape:
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
