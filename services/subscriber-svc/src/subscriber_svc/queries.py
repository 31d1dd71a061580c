"""Rows to contract views, always paged."""

from __future__ import annotations

from datetime import datetime

from contracts.common import NotFound, Page
from contracts.money import DEFAULT_CURRENCY, Money
from contracts.pricing import BillingTerms, Discount
from contracts.subscriber import (
    Burst,
    HoldChange,
    HoldView,
    PlanView,
    ServiceCounts,
    ServiceSnapshot,
    ServiceStatus,
    ServiceView,
    SubscriberOrder,
    SubscriberQuery,
    SubscriberView,
)
from servicekit.paging import MAX_PAGE_SIZE, Order, page_of, searched
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from subscriber_svc.domain.access import status_of
from subscriber_svc.models import Hold, Plan, Service, Subscriber

ORDERS = {
    SubscriberOrder.NEWEST: None,
    SubscriberOrder.NAME: Order(Subscriber.name_key),
    SubscriberOrder.NAME_DESCENDING: Order(Subscriber.name_key, descending=True),
}
HELD = exists().where(Hold.service_id == Service.id, Hold.released_at.is_(None))
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
        session_limit=service.session_limit,
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
        session_limit=service.session_limit,
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
    session: Session, query: SubscriberQuery, limit: int, after: str | None
) -> Page[SubscriberView]:
    """Status, plan and router are those of one service: a live one, unless terminated ones are asked for."""
    found = select(Subscriber).options(*WITH_SERVICES)
    text = searched(query.text)
    if text:
        found = found.where(_matches(text))
    if query.status or query.plan_id or query.router_id:
        found = found.where(_has_service(query))
    order = ORDERS[query.order]
    return page_of(session, found, Subscriber.id, subscriber_view, limit=limit, after=after, order=order)


def _matches(text: str) -> ColumnElement[bool]:
    username = func.lower(Service.pppoe_username).contains(text, autoescape=True)
    columns = (Subscriber.name_key, func.lower(Subscriber.email), Subscriber.phone, Subscriber.short_id)
    return or_(
        *(column.contains(text, autoescape=True) for column in columns),
        Subscriber.id.in_(select(Service.subscriber_id).where(username)),
    )


def _has_service(query: SubscriberQuery) -> ColumnElement[bool]:
    terminated = query.status is ServiceStatus.TERMINATED
    service = select(Service.id).where(
        Service.subscriber_id == Subscriber.id,
        Service.terminated_at.is_not(None) if terminated else Service.terminated_at.is_(None),
    )
    if query.plan_id is not None:
        service = service.where(Service.plan_id == query.plan_id)
    if query.router_id is not None:
        service = service.where(Service.router_id == query.router_id)
    if query.status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED):
        service = service.where(HELD if query.status is ServiceStatus.SUSPENDED else ~HELD)
    return service.exists()


def count_services(session: Session) -> ServiceCounts:
    live = select(func.count()).select_from(Service).where(Service.terminated_at.is_(None))
    terminated = select(func.count()).select_from(Service).where(Service.terminated_at.is_not(None))
    suspended = session.scalar(live.where(HELD)) or 0
    return ServiceCounts(
        active=(session.scalar(live) or 0) - suspended,
        suspended=suspended,
        terminated=session.scalar(terminated) or 0,
    )


def list_hold_changes(session: Session, limit: int) -> list[HoldChange]:
    """The newest first, at most `limit` (up to 200)."""
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    holds = select(Hold).options(joinedload(Hold.service).joinedload(Service.subscriber)).limit(limit)
    placed = session.scalars(holds.order_by(Hold.placed_at.desc(), Hold.id.desc()))
    changes = [_hold_change(hold, hold.placed_at, hold.placed_by, released=False) for hold in placed]
    released = session.scalars(
        holds.where(Hold.released_at.is_not(None)).order_by(Hold.released_at.desc(), Hold.id.desc())
    )
    changes += [
        _hold_change(hold, hold.released_at, hold.released_by or "", released=True)
        for hold in released
        if hold.released_at is not None
    ]
    return sorted(changes, key=lambda change: (change.at, change.released), reverse=True)[:limit]


def _hold_change(hold: Hold, at: datetime, by: str, *, released: bool) -> HoldChange:
    return HoldChange(
        at=at,
        released=released,
        by=by,
        reason=hold.reason,
        note=hold.note,
        service_id=hold.service_id,
        pppoe_username=hold.service.pppoe_username,
        subscriber_id=hold.service.subscriber_id,
        subscriber_name=hold.service.subscriber.full_name,
    )


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
