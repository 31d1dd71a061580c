"""Rows to contract views, for queries and use cases alike."""

from __future__ import annotations

from datetime import datetime

from contracts.money import Money
from contracts.pricing import BillingTerms
from contracts.subscriber import (
    Burst,
    HoldChange,
    HoldView,
    PlanView,
    ServiceSnapshot,
    ServiceStatus,
    ServiceView,
    SubscriberView,
)

from subscriber_svc.domain.access import status_of
from subscriber_svc.models import Hold, Plan, Service, Subscriber


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


def hold_change(hold: Hold, at: datetime, by: str, *, released: bool) -> HoldChange:
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
    return BillingTerms.of_columns(service, service.plan.currency)
