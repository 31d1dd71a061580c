"""Creating, changing and terminating services."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from contracts.common import (
    Command,
    CommandWarning,
    Conflict,
    InvalidInput,
    changes,
    check_confirmed,
)
from contracts.money import DEFAULT_CURRENCY, Money
from contracts.pricing import BillingTerms
from contracts.subscriber import (
    AddService,
    ChangeService,
    NewService,
    RevealedPassword,
    RevealPassword,
    ServiceChanged,
    ServiceCreated,
    ServiceEvent,
    ServiceTerminated,
    TerminateService,
)
from servicekit import loading, outbox
from servicekit.edits import check_current, mark_edited
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from subscriber_svc.domain import checks, discounts
from subscriber_svc.models import Service, Subscriber
from subscriber_svc.usecases.plans import choosable_plan
from subscriber_svc.usecases.uniqueness import refuse_if_taken
from subscriber_svc.views import service_snapshot

CLEARABLE = frozenset({"static_ip", "session_limit", "individual_price", "discount"})
TERMS = frozenset({"individual_price", "discount"})
Value = TypeVar("Value", str, str | None)


def add_service(
    session: Session, command: AddService, *, cipher: FieldCipher, now: datetime, today: date
) -> Service:
    """Add a service to a subscriber.

    Raises NotFound if there is no such subscriber, and what `create_service` raises.
    """
    subscriber = loading.get(session, Subscriber, command.subscriber_id)
    return create_service(session, subscriber, command.service, command, cipher=cipher, now=now, today=today)


def create_service(
    session: Session,
    subscriber: Subscriber,
    new: NewService,
    command: Command,
    *,
    cipher: FieldCipher,
    now: datetime,
    today: date,
) -> Service:
    """Create a service, which works at once. `command` says what the caller confirms.

    Raises InvalidInput, Conflict if its plan is archived or its username or address was just taken, and
    NeedsConfirmation if its discount makes it free.
    """
    service_id = new_id()
    service = Service(
        id=service_id,
        version=1,
        subscriber=subscriber,
        plan=choosable_plan(session, new.plan_id),
        router_id=new.router_id,
        pppoe_username=_free(session, Service.pppoe_username, checks.pppoe_username(new.pppoe_username)),
        password_encrypted=cipher.encrypt(checks.pppoe_password(new.pppoe_password), aad=service_id),
        static_ip=_free(session, Service.static_ip, checks.static_ip(new.static_ip)),
        session_limit=checks.session_limit(new.session_limit),
        activated_on=today,
        billed_from=today if new.billed_from is None else checks.billed_from(new.billed_from, today),
        terminated_on=None,
        created_at=now,
        terminated_at=None,
        holds=[],
        exemptions=[],
    )
    _set_billing_terms(service, new.billing_terms)
    discounts.check_not_over(new.billing_terms.discount, None, today)
    check_confirmed(command, _makes_free(service, today))
    session.add(service)
    publish(session, service, ServiceCreated, now=now)
    return service


def change_service(
    session: Session, command: ChangeService, *, cipher: FieldCipher, now: datetime, today: date
) -> Service:
    """Change the fields of a service that were sent, and publish the change if there is one.

    Raises NotFound if there is no such service, Stale if it was edited since the version that the command
    names, InvalidInput, and Conflict if the service is terminated, its new plan is archived, or its new
    username or address was just taken. Raises NeedsConfirmation if a new plan, price or discount makes it
    free.
    """
    service = lock_live_service(session, command.service_id)
    check_current(service, command)
    checks.clearable(command.clear, CLEARABLE)
    before = (service.plan_id, _terms(service))
    with session.no_autoflush:  # publish() flushes, where a violated constraint is turned into a Conflict
        for name, value in changes(command):
            _change(session, service, name, value, cipher, today)
        for name in command.clear:
            if name not in TERMS:
                setattr(service, name, None)
        _change_terms(service, command)
        terms = _terms(service)
        discounts.check_not_over(terms.discount, before[1].discount, today)
        if (service.plan.id, terms) != before:
            check_confirmed(command, _makes_free(service, today))
    if session.is_modified(service):
        mark_edited(service, command, now)
        publish(session, service, ServiceChanged, now=now)
    return service


def _change(
    session: Session, service: Service, name: str, value: Any, cipher: FieldCipher, today: date
) -> None:
    match name:
        case "pppoe_username":
            username = checks.pppoe_username(value)
            service.pppoe_username = _free(session, Service.pppoe_username, username, service)
        case "pppoe_password":
            service.password_encrypted = cipher.encrypt(checks.pppoe_password(value), aad=service.id)
        case "plan_id":
            if value != service.plan_id:  # it may keep a plan that is archived by now
                service.plan = choosable_plan(session, value)
        case "router_id":
            service.router_id = value
        case "static_ip":
            service.static_ip = _free(session, Service.static_ip, checks.static_ip(value), service)
        case "billed_from":
            if value != service.billed_from:  # a form sends the day that it has, however long ago that is
                service.billed_from = checks.billed_from(value, today)
        case "individual_price" | "discount":
            pass  # see _change_terms
        case "session_limit":
            service.session_limit = checks.session_limit(value)
        case _:
            raise TypeError(f"cannot change {name} of a service")


def terminate_service(session: Session, command: TerminateService, *, now: datetime, today: date) -> Service:
    """Terminate a service permanently: its login is refused and it is no longer billed.

    Does nothing if it was terminated before. Raises NotFound if there is no such service.
    """
    service = loading.lock(session, Service, command.service_id)
    if service.terminated_at is None:
        service.terminated_at, service.terminated_on = now, today
        publish(session, service, ServiceTerminated, now=now)
    return service


def reveal_password(session: Session, command: RevealPassword, *, cipher: FieldCipher) -> RevealedPassword:
    """Raises NotFound if there is no such service, and Conflict if it is terminated."""
    service = loading.get(session, Service, command.service_id)
    if service.terminated_at is not None:
        raise Conflict(f"service {service.pppoe_username} is terminated and no longer has a login")
    password = cipher.decrypt(service.password_encrypted, aad=service.id)
    return RevealedPassword(service.id, service.pppoe_username, password)


def lock_live_service(session: Session, service_id: str) -> Service:
    """Raises NotFound if there is no such service, and Conflict if it is terminated."""
    service = loading.lock(session, Service, service_id)
    if service.terminated_at is not None:
        raise Conflict(f"service {service.pppoe_username} is terminated and cannot be changed")
    return service


def publish(
    session: Session, service: Service, event: type[ServiceEvent], *, now: datetime, **more: object
) -> None:
    """Count up the version and publish the complete new state of the service."""
    if event is not ServiceCreated:
        service.version += 1
    with refuse_if_taken(f"the PPPoE username {service.pppoe_username} or its static IP address"):
        session.flush()  # the snapshot shows plan and subscriber ids, which a flush fills in
    outbox.add(session, event(service=service_snapshot(service, now), **more), now=now)


def _change_terms(service: Service, command: ChangeService) -> None:
    """Change the billing terms that were sent, and keep the others as they are now, under the lock."""
    sent: dict[str, Any] = {name: value for name, value in changes(command) if name in TERMS}
    sent |= {name: None for name in command.clear if name in TERMS}
    if sent:
        _set_billing_terms(service, replace(_terms(service), **sent))


def _terms(service: Service) -> BillingTerms:
    return BillingTerms.of_columns(service, DEFAULT_CURRENCY)


def _makes_free(service: Service, today: date) -> list[CommandWarning]:
    plan_price = Money(service.plan.price_minor, service.plan.currency)
    return discounts.free_service(_terms(service), plan_price, today)


def _set_billing_terms(service: Service, terms: BillingTerms) -> None:
    for name, value in checks.billing_terms(terms, DEFAULT_CURRENCY).columns().items():
        setattr(service, name, value)


def _free(
    session: Session, column: InstrumentedAttribute, value: Value, service: Service | None = None
) -> Value:
    """`value`, if no live service other than `service` has it in `column`. Case matters.

    Raises InvalidInput if another one has it.
    """
    if value is None:
        return value
    holder = session.scalar(select(Service).where(column == value, Service.terminated_at.is_(None)))
    if holder is not None and holder is not service:
        raise InvalidInput.of(
            column.key,
            f"{value} is already used by {holder.subscriber.full_name} ({holder.pppoe_username})",
        )
    return value
