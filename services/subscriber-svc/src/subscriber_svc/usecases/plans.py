"""Making, changing and archiving plans."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from contracts.common import Conflict, InvalidInput, NotFound
from contracts.money import DEFAULT_CURRENCY
from contracts.subscriber import ArchivePlan, Burst, ChangePlan, CreatePlan, PlanChanged, PlanStatus
from servicekit import outbox
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from subscriber_svc import queries
from subscriber_svc.domain import checks
from subscriber_svc.models import Plan
from subscriber_svc.usecases.uniqueness import refuse_if_taken

CLEARABLE = frozenset({"burst", "address_pool"})


def create_plan(session: Session, command: CreatePlan, *, now: datetime) -> Plan:
    """Raises InvalidInput, Conflict."""
    name = checks.text("name", command.name, required=True, longest=100)
    _refuse_used_name(session, name)
    price = checks.price("price", command.price, DEFAULT_CURRENCY)
    burst = checks.burst(command.burst, download_kbps=command.download_kbps, upload_kbps=command.upload_kbps)
    plan = Plan(
        id=new_id(),
        version=1,
        name=name,
        price_minor=price.minor,
        currency=price.currency,
        billing_type=command.billing_type,
        download_kbps=checks.speed("download_kbps", command.download_kbps),
        upload_kbps=checks.speed("upload_kbps", command.upload_kbps),
        burst=asdict(burst) if burst else None,
        address_pool=checks.text("address_pool", command.address_pool or "", longest=63) or None,
        status=PlanStatus.ACTIVE,
        created_at=now,
    )
    session.add(plan)
    _say_changed(session, plan, now)
    return plan


def change_plan(session: Session, command: ChangePlan, *, now: datetime) -> Plan:
    """A new price is for invoices made later; a new speed reaches live sessions.

    Raises NotFound, InvalidInput, Conflict.
    """
    plan = lock_plan(session, command.plan_id)
    unknown = set(command.clear) - CLEARABLE
    if unknown:
        raise InvalidInput.of("clear", f"{', '.join(sorted(unknown))} cannot be emptied")
    if command.name is not None and command.name.strip() != plan.name:
        name = checks.text("name", command.name, required=True, longest=100)
        _refuse_used_name(session, name)
        plan.name = name
    if command.price is not None:
        plan.price_minor = checks.price("price", command.price, plan.currency).minor
    if command.download_kbps is not None:
        plan.download_kbps = checks.speed("download_kbps", command.download_kbps)
    if command.upload_kbps is not None:
        plan.upload_kbps = checks.speed("upload_kbps", command.upload_kbps)
    if command.burst is not None:
        plan.burst = asdict(command.burst)
    if command.address_pool is not None:
        plan.address_pool = checks.text("address_pool", command.address_pool, longest=63) or None
    for optional in command.clear:
        setattr(plan, optional, None)
    burst = Burst(**plan.burst) if plan.burst else None
    checks.burst(burst, download_kbps=plan.download_kbps, upload_kbps=plan.upload_kbps)
    if session.is_modified(plan):
        plan.version += 1
        _say_changed(session, plan, now)
    return plan


def archive_plan(session: Session, command: ArchivePlan, *, now: datetime) -> Plan:
    """An archived plan goes on for those who have it, but cannot be chosen any more."""
    plan = lock_plan(session, command.plan_id)
    if plan.status is not PlanStatus.ARCHIVED:
        plan.status = PlanStatus.ARCHIVED
        plan.version += 1
        _say_changed(session, plan, now)
    return plan


def lock_plan(session: Session, plan_id: str) -> Plan:
    """Raises NotFound."""
    plan = session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None:
        raise NotFound(f"there is no plan {plan_id}")
    return plan


def choosable_plan(session: Session, plan_id: str) -> Plan:
    """The plan a service can be given. Raises InvalidInput, Conflict when it is archived."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise InvalidInput.of("plan_id", f"there is no plan {plan_id}")
    if plan.status is PlanStatus.ARCHIVED:
        raise Conflict(f"plan {plan.name} is archived; choose another")
    return plan


def _refuse_used_name(session: Session, name: str) -> None:
    used = select(Plan.id).where(Plan.name == name, Plan.status == PlanStatus.ACTIVE)
    if session.scalar(used):
        raise InvalidInput.of(
            "name", f"a plan named {name} exists already; choose another name or archive it"
        )


def _say_changed(session: Session, plan: Plan, now: datetime) -> None:
    with refuse_if_taken(f"the plan name {plan.name}"):
        session.flush()
    outbox.add(session, PlanChanged(plan=queries.plan_view(plan)), now=now)
