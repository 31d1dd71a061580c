"""Rows to contract views, always paged."""

from __future__ import annotations

from contracts.common import NotFound, Page
from contracts.money import DEFAULT_CURRENCY, Money
from contracts.subscriber import (
    BillingTerms,
    Burst,
    Discount,
    HoldView,
    PlanView,
    ServiceSnapshot,
    ServiceStatus,
    ServiceView,
    SubscriberView,
)
from servicekit.paging import page_of
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, selectinload

from subscriber_svc.domain.access import status_of
from subscriber_svc.models import Hold, Plan, Service, Subscriber

WITH_SERVICES = (
    selectinload(Subscriber.services).selectinload(Service.holds),
    selectinload(Subscriber.services).joinedload(Service.plan),
)


def plan_view(plan: Plan) -> PlanView:
    return PlanView(
        id=plan.id,
        version=plan.version,
        name=plan.name,
        price=Money(plan.price_minor, plan.currency),
        billing_type=plan.billing_type,
        download_kbps=plan.download_kbps,
        upload_kbps=plan.upload_kbps,
        burst=Burst(**plan.burst) if plan.burst else None,
        address_pool=plan.address_pool,
        status=plan.status,
        created_at=plan.created_at,
    )


def hold_view(hold: Hold) -> HoldView:
    return HoldView(
        id=hold.id,
        reason=hold.reason,
        placed_by=hold.placed_by,
        placed_at=hold.placed_at,
        note=hold.note,
        released_at=hold.released_at,
        released_by=hold.released_by,
    )


def service_view(service: Service) -> ServiceView:
    return ServiceView(
        id=service.id,
        version=service.version,
        subscriber_id=service.subscriber_id,
        pppoe_username=service.pppoe_username,
        plan_id=service.plan_id,
        plan_name=service.plan.name,
        router_id=service.router_id,
        static_ip=service.static_ip,
        billing_terms=_billing_terms(service),
        status=_status(service),
        holds=[hold_view(hold) for hold in service.holds],
        activated_on=service.activated_on,
        terminated_at=service.terminated_at,
        created_at=service.created_at,
    )


def service_snapshot(service: Service) -> ServiceSnapshot:
    return ServiceSnapshot(
        id=service.id,
        version=service.version,
        subscriber_id=service.subscriber_id,
        pppoe_username=service.pppoe_username,
        password_encrypted=service.password_encrypted,
        plan=plan_view(service.plan),
        router_id=service.router_id,
        static_ip=service.static_ip,
        billing_terms=_billing_terms(service),
        status=_status(service),
        activated_on=service.activated_on,
    )


def subscriber_view(subscriber: Subscriber) -> SubscriberView:
    return SubscriberView(
        id=subscriber.id,
        short_id=subscriber.short_id,
        full_name=subscriber.full_name,
        email=subscriber.email,
        phone=subscriber.phone,
        address=subscriber.address,
        notes=subscriber.notes,
        services=[service_view(service) for service in subscriber.services],
        created_at=subscriber.created_at,
    )


def get_plan(session: Session, plan_id: str) -> PlanView:
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound(f"there is no plan {plan_id}")
    return plan_view(plan)


def list_plans(session: Session, limit: int, after: str | None) -> Page[PlanView]:
    return page_of(session, select(Plan), Plan.id, plan_view, limit=limit, after=after)


def get_subscriber(session: Session, subscriber_id: str) -> SubscriberView:
    subscriber = session.scalar(
        select(Subscriber).where(Subscriber.id == subscriber_id).options(*WITH_SERVICES)
    )
    if subscriber is None:
        raise NotFound(f"there is no subscriber {subscriber_id}")
    return subscriber_view(subscriber)


def find_subscriber_by_short_id(session: Session, short_id: str) -> SubscriberView | None:
    subscriber = session.scalar(
        select(Subscriber).where(Subscriber.short_id == short_id).options(*WITH_SERVICES)
    )
    return subscriber_view(subscriber) if subscriber else None


def get_service(session: Session, service_id: str) -> ServiceView:
    service = session.get(Service, service_id)
    if service is None:
        raise NotFound(f"there is no service {service_id}")
    return service_view(service)


def list_subscribers(
    session: Session, query: str | None, status: ServiceStatus | None, limit: int, after: str | None
) -> Page[SubscriberView]:
    """Newest first. `query` is looked for in names, contacts and PPPoE usernames."""
    found = select(Subscriber).options(*WITH_SERVICES)
    if query and not query.isspace():
        found = found.where(_matches(query))
    if status is not None:
        found = found.where(_has_service(status))
    return page_of(session, found, Subscriber.id, subscriber_view, limit=limit, after=after)


def _matches(query: str):
    # What cannot be in a name cannot be sent to the database either.
    query = "".join(character for character in query.strip() if character.isprintable())
    pattern = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    columns = (Subscriber.full_name, Subscriber.email, Subscriber.phone, Subscriber.short_id)
    in_services = exists().where(
        Service.subscriber_id == Subscriber.id, Service.pppoe_username.ilike(pattern, escape="\\")
    )
    return or_(*(column.ilike(pattern, escape="\\") for column in columns), in_services)


def _has_service(status: ServiceStatus):
    of_subscriber: Select = select(Service.id).where(Service.subscriber_id == Subscriber.id)
    held = exists().where(Hold.service_id == Service.id, Hold.released_at.is_(None))
    if status is ServiceStatus.TERMINATED:
        return of_subscriber.where(Service.terminated_at.is_not(None)).exists()
    live = of_subscriber.where(Service.terminated_at.is_(None))
    return live.where(held if status is ServiceStatus.SUSPENDED else ~held).exists()


def _status(service: Service) -> ServiceStatus:
    return status_of(
        terminated=service.terminated_at is not None,
        standing=[hold.reason for hold in service.standing_holds],
    )


def _billing_terms(service: Service) -> BillingTerms:
    individual = service.individual_price_minor
    discount = None
    if service.discount_kind is not None and service.discount_value is not None:
        discount = Discount(service.discount_kind, service.discount_value, service.discount_until)
    return BillingTerms(None if individual is None else Money(individual, DEFAULT_CURRENCY), discount)
