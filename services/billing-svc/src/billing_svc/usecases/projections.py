"""Keeping copies of what billing needs: subscribers' names, plans, services' billing terms and exemptions.

An event whose version is not newer than the copy changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict

from contracts.subscriber import (
    PlanView,
    ServiceExempted,
    ServiceExemptionEnded,
    ServiceSnapshot,
    ServiceStatus,
    SubscriberChanged,
)
from servicekit.db import insert_if_absent, is_set
from servicekit.paging import folded
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from billing_svc.domain.months import BilledService
from billing_svc.models import Account, ExemptionProjection, InvoiceLine, PlanProjection, ServiceProjection


def keep_subscriber(session: Session, event: SubscriberChanged) -> None:
    account = lock_account(session, event.subscriber_id)
    if event.version > account.subscriber_version:
        account.subscriber_version = event.version
        account.full_name, account.name_key = event.full_name, folded(event.full_name)


def keep_plan(session: Session, plan: PlanView) -> None:
    insert_if_absent(session, PlanProjection, plan_id=plan.id, version=0, **_plan_values(plan))
    kept = session.scalar(select(PlanProjection).where(PlanProjection.plan_id == plan.id).with_for_update())
    if kept is not None and plan.version > kept.version:
        kept.version = plan.version
        for name, value in _plan_values(plan).items():
            setattr(kept, name, value)


def keep_service(session: Session, service: ServiceSnapshot) -> None:
    keep_plan(session, service.plan)
    lock_account(session, service.subscriber_id)
    kept = session.get(ServiceProjection, service.id, with_for_update=True)
    if kept is None:
        kept = ServiceProjection(service_id=service.id, version=service.version, **_service_values(service))
        kept.closed = billed_service(kept).is_closed
        session.add(kept)
    elif service.version > kept.version:
        moved = billed_service(kept).begins(service.billed_from or service.activated_on)
        kept.version, kept.decided_from = service.version, moved.decided_from
        for name, value in _service_values(service).items():
            setattr(kept, name, value)
        kept.closed = billed_service(kept).is_closed and not _has_reopened_months(session, kept)


def billed_service(kept: ServiceProjection) -> BilledService:
    """What the rule of domain.months needs to know about a service."""
    ended = kept.status == ServiceStatus.TERMINATED and kept.terminated_on is None
    return BilledService(
        billed_from=kept.billed_from,
        terminated_on=kept.terminated_on,
        billed_until=kept.billed_until,
        upgraded_in=kept.upgraded_in,
        ended=ended,
        decided_from=kept.decided_from,
    )


def _has_reopened_months(session: Session, kept: ServiceProjection) -> bool:
    """Whether voided months are left for the next run to bill again. It closes the service after that."""
    reopened = exists().where(InvoiceLine.service_id == kept.service_id, is_set(InvoiceLine.reopened))
    return bool(session.scalar(select(reopened)))


def keep_exemption(session: Session, event: ServiceExempted | ServiceExemptionEnded) -> None:
    """Keep an exemption, which ends only once: the event that it began may arrive after the one it ended."""
    keep_service(session, event.service)
    exemption = asdict(event.exemption)
    kept = session.get(ExemptionProjection, event.exemption.id)
    if kept is None:
        service = event.service
        session.add(
            ExemptionProjection(service_id=service.id, subscriber_id=service.subscriber_id, **exemption)
        )
    elif kept.ended_at is None:
        kept.ended_at, kept.ended_by = event.exemption.ended_at, event.exemption.ended_by


def lock_account(session: Session, subscriber_id: str) -> Account:
    """The account of a subscriber, locked. It is created if billing did not know the subscriber yet."""
    insert_if_absent(
        session,
        Account,
        subscriber_id=subscriber_id,
        subscriber_version=0,
        full_name="",
        standing_sequence=0,
        suspension_requested=False,
    )
    query = select(Account).where(Account.subscriber_id == subscriber_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _plan_values(plan: PlanView) -> dict:
    return {
        "name": plan.name,
        "price_minor": plan.price.minor,
        "currency": plan.price.currency,
        "billing_type": plan.billing_type,
    }


def _service_values(service: ServiceSnapshot) -> dict:
    return {
        "subscriber_id": service.subscriber_id,
        "plan_id": service.plan.id,
        "pppoe_username": service.pppoe_username,
        "status": service.status,
        "billed_from": service.billed_from or service.activated_on,
        "terminated_on": service.terminated_on,
        **service.billing_terms.columns(),
    }
