"""Creating, changing and archiving plans."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime

from contracts.common import CommandWarning, Conflict, InvalidInput, changes, check_confirmed
from contracts.money import DEFAULT_CURRENCY, Money
from contracts.pricing import DiscountKind
from contracts.subscriber import ArchivePlan, Burst, ChangePlan, CreatePlan, PlanChanged, PlanStatus
from servicekit import loading, outbox
from servicekit.edits import check_current, mark_edited
from servicekit.ids import new_id
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from subscriber_svc.domain import checks, discounts
from subscriber_svc.models import Plan, Service
from subscriber_svc.usecases.uniqueness import refuse_if_taken
from subscriber_svc.views import plan_view

CLEARABLE = frozenset({"burst", "address_pool"})


def create_plan(session: Session, command: CreatePlan, *, now: datetime) -> Plan:
    """Raises InvalidInput, and Conflict if the name was just taken."""
    name = _free_name(session, command.name)
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
        address_pool=checks.address_pool(command.address_pool),
        status=PlanStatus.ACTIVE,
        created_at=now,
    )
    session.add(plan)
    _publish(session, plan, now)
    return plan


def change_plan(session: Session, command: ChangePlan, *, now: datetime, today: date) -> Plan:
    """Change a plan. A new price applies to later invoices, a new speed also to live sessions.

    Raises NotFound if there is no such plan, Stale if it was edited, InvalidInput, and Conflict if the name
    was just taken. Raises NeedsConfirmation if the new price makes services free.
    """
    plan = loading.lock(session, Plan, command.plan_id)
    check_current(plan, command)
    checks.clearable(command.clear, CLEARABLE)
    price_before = plan.price_minor
    for name, value in changes(command):
        match name:
            case "name":
                plan.name = _free_name(session, value, plan)
            case "price":
                plan.price_minor = checks.price("price", value, plan.currency).minor
            case "download_kbps" | "upload_kbps":
                setattr(plan, name, checks.speed(name, value))
            case "burst":
                plan.burst = asdict(value)
            case "address_pool":
                plan.address_pool = checks.address_pool(value)
            case _:
                raise TypeError(f"cannot change {name} of a plan")
    for name in command.clear:
        setattr(plan, name, None)
    burst = Burst(**plan.burst) if plan.burst else None
    checks.burst(burst, download_kbps=plan.download_kbps, upload_kbps=plan.upload_kbps)
    if plan.price_minor != price_before:
        check_confirmed(command, _free_services(session, plan, price_before, today))
    if session.is_modified(plan):
        plan.version += 1
        mark_edited(plan, command, now)
        _publish(session, plan, now)
    return plan


def archive_plan(session: Session, command: ArchivePlan, *, now: datetime) -> Plan:
    """Archive a plan: services that have it keep it, but it cannot be chosen anymore.

    Does nothing if it was archived before. Raises NotFound if there is no such plan.
    """
    plan = loading.lock(session, Plan, command.plan_id)
    if plan.status is not PlanStatus.ARCHIVED:
        plan.status = PlanStatus.ARCHIVED
        plan.version += 1
        mark_edited(plan, command, now)
        _publish(session, plan, now)
    return plan


def choosable_plan(session: Session, plan_id: str) -> Plan:
    """The plan to give to a service.

    Raises InvalidInput if there is no such plan, and Conflict if it is archived.
    """
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise InvalidInput.of("plan_id", f"there is no plan {plan_id}")
    if plan.status is PlanStatus.ARCHIVED:
        raise Conflict(f"plan {plan.name} is archived; choose another")
    return plan


def _free_services(session: Session, plan: Plan, price_before: int, today: date) -> list[CommandWarning]:
    """A warning if discounts take off the whole new price of services that paid something before."""
    with session.no_autoflush:
        free = session.scalar(
            select(func.count())
            .select_from(Service)
            .where(
                Service.plan_id == plan.id,
                Service.terminated_at.is_(None),
                Service.individual_price_minor.is_(None),
                Service.discount_kind == DiscountKind.AMOUNT,
                Service.discount_value >= plan.price_minor,
                Service.discount_value < price_before,
                Service.discount_until.is_(None) | (Service.discount_until >= today),
            )
        )
    price = Money(plan.price_minor, plan.currency)
    return discounts.free_by_price(free or 0, price) if price.minor else []


def _free_name(session: Session, name: str, plan: Plan | None = None) -> str:
    """The cleaned name, if it is the plan's already or no active plan has it. Raises InvalidInput."""
    name = checks.text("name", name, required=True, longest=100)
    used = select(Plan.id).where(Plan.name == name, Plan.status == PlanStatus.ACTIVE)
    if (plan is None or name != plan.name) and session.scalar(used):
        raise InvalidInput.of(
            "name", f"a plan named {name} already exists; choose another name or archive that plan"
        )
    return name


def _publish(session: Session, plan: Plan, now: datetime) -> None:
    with refuse_if_taken(f"the plan name {plan.name}"):
        session.flush()
    outbox.add(session, PlanChanged(plan=plan_view(plan)), now=now)
