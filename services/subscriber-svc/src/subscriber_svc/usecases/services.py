"""Making, changing and terminating services."""

from __future__ import annotations

from datetime import date, datetime

from contracts.common import Conflict, InvalidInput, NotFound
from contracts.money import DEFAULT_CURRENCY
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
from servicekit import outbox
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.orm import Session

from subscriber_svc import queries
from subscriber_svc.domain import checks
from subscriber_svc.models import Service, Subscriber
from subscriber_svc.usecases.plans import choosable_plan
from subscriber_svc.usecases.uniqueness import refuse_if_taken

CLEARABLE = frozenset({"static_ip", "session_limit"})


def add_service(
    session: Session, command: AddService, *, cipher: FieldCipher, now: datetime, today: date
) -> Service:
    """One more service for a subscriber. Raises NotFound, InvalidInput, Conflict."""
    subscriber = session.get(Subscriber, command.subscriber_id)
    if subscriber is None:
        raise NotFound(f"there is no subscriber {command.subscriber_id}")
    return create_service(session, subscriber, command.service, cipher=cipher, now=now, today=today)


def create_service(
    session: Session,
    subscriber: Subscriber,
    new: NewService,
    *,
    cipher: FieldCipher,
    now: datetime,
    today: date,
) -> Service:
    """Up at once: no hold stands. Raises InvalidInput, Conflict."""
    service_id = new_id()
    service = Service(
        id=service_id,
        version=1,
        subscriber=subscriber,
        plan=choosable_plan(session, new.plan_id),
        router_id=new.router_id,
        pppoe_username=_free_username(session, checks.pppoe_username(new.pppoe_username)),
        password_encrypted=cipher.encrypt(checks.pppoe_password(new.pppoe_password), aad=service_id),
        static_ip=_free_static_ip(session, checks.static_ip(new.static_ip)),
        session_limit=checks.session_limit(new.session_limit),
        activated_on=today,
        created_at=now,
        terminated_at=None,
        holds=[],
    )
    _set_billing_terms(service, new.billing_terms)
    session.add(service)
    say(session, service, ServiceCreated, now=now)
    return service


def change_service(
    session: Session, command: ChangeService, *, cipher: FieldCipher, now: datetime
) -> Service:
    """Change what is given, leave the rest. Raises NotFound, InvalidInput, Conflict."""
    service = lock_live_service(session, command.service_id)
    unknown = set(command.clear) - CLEARABLE
    if unknown:
        raise InvalidInput.of("clear", f"{', '.join(sorted(unknown))} cannot be emptied")
    with session.no_autoflush:  # written at one place, in say()
        _apply(session, service, command, cipher)
    if session.is_modified(service):
        say(session, service, ServiceChanged, now=now)
    return service


def _apply(session: Session, service: Service, command: ChangeService, cipher: FieldCipher) -> None:
    if command.pppoe_username is not None and command.pppoe_username != service.pppoe_username:
        service.pppoe_username = _free_username(session, checks.pppoe_username(command.pppoe_username))
    if command.pppoe_password is not None:
        password = checks.pppoe_password(command.pppoe_password)
        service.password_encrypted = cipher.encrypt(password, aad=service.id)
    if command.plan_id is not None and command.plan_id != service.plan_id:
        service.plan = choosable_plan(session, command.plan_id)
    if command.router_id is not None:
        service.router_id = command.router_id
    if command.static_ip is not None:
        address = checks.static_ip(command.static_ip)
        if address != service.static_ip:
            service.static_ip = _free_static_ip(session, address)
    if command.session_limit is not None:
        service.session_limit = checks.session_limit(command.session_limit)
    for field in command.clear:
        setattr(service, field, None)
    if command.billing_terms is not None:
        _set_billing_terms(service, command.billing_terms)


def terminate_service(session: Session, command: TerminateService, *, now: datetime) -> Service:
    """For good: the login is refused and no invoice is made any more. A repeat is a success."""
    service = lock_service(session, command.service_id)
    if service.terminated_at is None:
        service.terminated_at = now
        say(session, service, ServiceTerminated, now=now)
    return service


def reveal_password(session: Session, command: RevealPassword, *, cipher: FieldCipher) -> RevealedPassword:
    """Raises NotFound, Conflict when the service is terminated: its login opens nothing any more."""
    service = session.get(Service, command.service_id)
    if service is None:
        raise NotFound(f"there is no service {command.service_id}")
    if service.terminated_at is not None:
        raise Conflict(f"service {service.pppoe_username} is terminated and has no login any more")
    password = cipher.decrypt(service.password_encrypted, aad=service.id)
    return RevealedPassword(service.id, service.pppoe_username, password)


def lock_service(session: Session, service_id: str) -> Service:
    """Raises NotFound."""
    service = session.scalar(select(Service).where(Service.id == service_id).with_for_update())
    if service is None:
        raise NotFound(f"there is no service {service_id}")
    return service


def lock_live_service(session: Session, service_id: str) -> Service:
    """Raises NotFound, Conflict when it is terminated."""
    service = lock_service(session, service_id)
    if service.terminated_at is not None:
        raise Conflict(f"service {service.pppoe_username} is terminated and cannot be changed")
    return service


def say(
    session: Session, service: Service, event: type[ServiceEvent], *, now: datetime, **more: object
) -> None:
    """Count the version up and tell the whole new state of the service."""
    if event is not ServiceCreated:
        service.version += 1
    with refuse_if_taken(f"the PPPoE username {service.pppoe_username} or its static address"):
        session.flush()  # the snapshot shows plan and subscriber ids, which a flush fills in
    outbox.add(session, event(service=queries.service_snapshot(service), **more), now=now)


def _set_billing_terms(service: Service, terms: BillingTerms) -> None:
    terms = checks.billing_terms(terms, DEFAULT_CURRENCY)
    discount = terms.discount
    individual = terms.individual_price
    service.individual_price_minor = None if individual is None else individual.minor
    service.discount_kind = discount.kind if discount else None
    service.discount_value = discount.value if discount else None
    service.discount_until = discount.until if discount else None


def _free_username(session: Session, username: str) -> str:
    """Compared letter by letter: names that differ only by case are two logins. Raises InvalidInput."""
    holder = session.scalar(
        select(Service).where(Service.pppoe_username == username, Service.terminated_at.is_(None))
    )
    if holder is not None:
        raise InvalidInput.of(
            "pppoe_username",
            f"{username} is already used by {holder.subscriber.full_name} (service {holder.id})",
        )
    return username


def _free_static_ip(session: Session, address: str | None) -> str | None:
    """Raises InvalidInput."""
    if address is None:
        return None
    holder = session.scalar(
        select(Service).where(Service.static_ip == address, Service.terminated_at.is_(None))
    )
    if holder is not None:
        raise InvalidInput.of(
            "static_ip",
            f"{address} is already given to {holder.subscriber.full_name} ({holder.pppoe_username})",
        )
    return address
