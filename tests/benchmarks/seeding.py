"""Rows of many similar subscribers, written straight into the services' databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from billing_svc.models import Account, PlanProjection, ServiceProjection
from contracts import account_number
from contracts.subscriber import BillingType, PlanStatus, ServiceStatus
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import RadCheck, RadiusAccount, RadUserGroup
from radius_svc.usecases import authorization
from servicekit.db import Database
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import insert
from subscriber_svc.models import AccountCounter, Plan, Service, Subscriber

CHUNK = 5000
PRICE_MINOR = 150_000
KBPS = 50_000
ACTIVATED_ON = date(2026, 1, 15)
PASSWORD = "pppoe-pass-01"


@dataclass(frozen=True)
class Person:
    number: int
    subscriber_id: str
    service_id: str

    @property
    def username(self) -> str:
        return f"subscriber.{self.number:06d}"


@dataclass(frozen=True)
class Base:
    """Made-up people with one service each, all on one plan and one router."""

    plan_id: str
    router_id: str
    people: Sequence[Person]

    @classmethod
    def of(cls, size: int) -> Base:
        people = [Person(number, new_id(), new_id()) for number in range(size)]
        return cls(new_id(), new_id(), people)

    def chunks(self) -> Iterator[Sequence[Person]]:
        for start in range(0, len(self.people), CHUNK):
            yield self.people[start : start + CHUNK]


def seed_billing(database: Database, base: Base) -> None:
    plan = {
        "plan_id": base.plan_id,
        "version": 1,
        "name": "Fiber 50 Mbps",
        "price_minor": PRICE_MINOR,
        "currency": "PHP",
        "billing_type": BillingType.POSTPAID,
    }
    with database.transaction() as session:
        session.execute(insert(PlanProjection), [plan])
        for people in base.chunks():
            session.execute(
                insert(Account),
                [
                    {
                        "subscriber_id": p.subscriber_id,
                        "subscriber_version": 1,
                        "full_name": f"Subscriber {p.number}",
                    }
                    for p in people
                ],
            )
            session.execute(
                insert(ServiceProjection),
                [
                    {
                        "service_id": p.service_id,
                        "version": 1,
                        "subscriber_id": p.subscriber_id,
                        "plan_id": base.plan_id,
                        "pppoe_username": p.username,
                        "status": ServiceStatus.ACTIVE,
                        "billed_from": ACTIVATED_ON,
                        "billed_until": datetime.now(UTC).date().replace(day=1),
                    }
                    for p in people
                ],
            )


def seed_subscriber(database: Database, base: Base, cipher: FieldCipher) -> None:
    now = datetime.now(UTC)
    plan = {
        "id": base.plan_id,
        "version": 1,
        "name": "Fiber 50 Mbps",
        "price_minor": PRICE_MINOR,
        "currency": "PHP",
        "billing_type": BillingType.POSTPAID,
        "download_kbps": KBPS,
        "upload_kbps": KBPS,
        "status": PlanStatus.ACTIVE,
        "created_at": now,
    }
    empty = {"email": "", "phone": "", "address": "", "notes": ""}
    with database.transaction() as session:
        session.execute(insert(Plan), [plan])
        last = account_number.FIRST + len(base.people) - 1
        session.execute(insert(AccountCounter), [{"id": 1, "last_number": last}])
        for people in base.chunks():
            session.execute(
                insert(Subscriber),
                [
                    {
                        "id": p.subscriber_id,
                        "version": 1,
                        "short_id": f"bench{p.number:07d}",
                        "account_number": account_number.complete(account_number.FIRST + p.number),
                        "full_name": f"Subscriber {p.number}",
                        "created_at": now,
                        **empty,
                    }
                    for p in people
                ],
            )
            session.execute(
                insert(Service),
                [
                    {
                        "id": p.service_id,
                        "version": 1,
                        "subscriber_id": p.subscriber_id,
                        "plan_id": base.plan_id,
                        "router_id": base.router_id,
                        "pppoe_username": p.username,
                        "password_encrypted": cipher.encrypt(PASSWORD, p.service_id),
                        "activated_on": ACTIVATED_ON,
                        "billed_from": ACTIVATED_ON,
                        "created_at": now,
                    }
                    for p in people
                ],
            )


def seed_radius(database: Database, base: Base, cipher: FieldCipher) -> None:
    nt_hash = nt_password_hash(PASSWORD).hex()
    group = authorization.plan_group(base.plan_id)
    with database.transaction() as session:
        authorization.write_plan_group(session, base.plan_id, 1, {"Mikrotik-Rate-Limit": "50M/50M"})
        seq = authorization.next_seq(session)
        for people in base.chunks():
            session.execute(
                insert(RadiusAccount),
                [
                    {
                        "service_id": p.service_id,
                        "version": 1,
                        "subscriber_id": p.subscriber_id,
                        "username": p.username,
                        "password_encrypted": cipher.encrypt(PASSWORD, p.service_id),
                        "plan_id": base.plan_id,
                        "router_id": base.router_id,
                        "changed_seq": seq,
                    }
                    for p in people
                ],
            )
            session.execute(
                insert(RadCheck),
                [
                    {"username": p.username, "attribute": "NT-Password", "op": ":=", "value": nt_hash}
                    for p in people
                ],
            )
            session.execute(
                insert(RadUserGroup),
                [
                    {"username": p.username, "groupname": group, "priority": authorization.PLAN_PRIORITY}
                    for p in people
                ],
            )
