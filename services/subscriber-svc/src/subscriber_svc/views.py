"""Rows to contract views, for queries and use cases alike."""

from __future__ import annotations

from datetime import datetime

from contracts import account_number
from contracts.access import COVERED, status_of, was_suspended
from contracts.holds import ExemptionView, HoldChange, HoldView
from contracts.money import Money
from contracts.pricing import BillingTerms
from contracts.subscriber import Burst, PlanView, ServiceSnapshot, ServiceStatus, ServiceView, SubscriberView

from subscriber_svc.models import NOTHING_DUE, Exemption, Hold, Plan, Service, Subscriber


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
        edit=plan.last_edit,
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


def exemption_view(exemption: Exemption) -> ExemptionView:
    return ExemptionView(
        id=exemption.id,
        kind=exemption.kind,
        starts_at=exemption.starts_at,
        until=exemption.until,
        author=exemption.author,
        note=exemption.note,
        ended_at=exemption.ended_at,
        ended_by=exemption.ended_by,
    )


def service_view(service: Service, now: datetime) -> ServiceView:
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
        status=_status(service, now),
        holds=[hold_view(hold) for hold in service.holds],
        activated_on=service.activated_on,
        billed_from=service.billed_from,
        terminated_at=service.terminated_at,
        created_at=service.created_at,
        session_limit=service.session_limit,
        exemptions=[exemption_view(exemption) for exemption in service.exemptions],
        edit=service.last_edit,
    )


def service_snapshot(service: Service, now: datetime) -> ServiceSnapshot:
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
        status=_status(service, now),
        activated_on=service.activated_on,
        session_limit=service.session_limit,
        billed_from=service.billed_from,
        terminated_on=service.terminated_on,
    )


def subscriber_view(subscriber: Subscriber, now: datetime) -> SubscriberView:
    return SubscriberView(
        id=subscriber.id,
        short_id=subscriber.short_id,
        full_name=subscriber.full_name,
        email=subscriber.email,
        phone=subscriber.phone,
        address=subscriber.address,
        notes=subscriber.notes,
        services=[service_view(service, now) for service in subscriber.services],
        created_at=subscriber.created_at,
        edit=subscriber.last_edit,
        account_number=account_number.formatted(subscriber.account_number),
        area=subscriber.area,
        balance=Money(subscriber.balance_minor, subscriber.balance_currency),
        oldest_due_on=None if subscriber.oldest_due_on == NOTHING_DUE else subscriber.oldest_due_on,
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
        suspended=was_suspended(hold.service.holds, hold.service.exemptions, at),
    )


def exemption_change(exemption: Exemption, at: datetime, by: str, *, released: bool) -> HoldChange:
    """An exemption that began (`released`) or ended, as a change of the hold that it covers."""
    service = exemption.service
    return HoldChange(
        at=at,
        released=released,
        by=by,
        reason=min(COVERED[exemption.kind]),
        note=exemption.note,
        service_id=service.id,
        pppoe_username=service.pppoe_username,
        subscriber_id=service.subscriber_id,
        subscriber_name=service.subscriber.full_name,
        until=exemption.until,
        suspended=was_suspended(service.holds, service.exemptions, at),
    )


def _status(service: Service, now: datetime) -> ServiceStatus:
    return status_of(
        terminated=service.terminated_at is not None,
        holds=service.holds,
        exemptions=service.exemptions,
        at=now,
    )


def _billing_terms(service: Service) -> BillingTerms:
    return BillingTerms.of_columns(service, service.plan.currency)
