"""A year of an ISP, written straight into the databases: books that agree, sessions, usage, reconnects.

What a subscriber is like follows from their number, so every run has the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cached_property
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from billing_svc import models as billing
from billing_svc.domain.invoices import InvoiceState, number_of
from billing_svc.domain.periods import period_of
from billing_svc.usecases import ledger
from billing_svc.usecases.settings import ensure_settings, load_settings
from contracts.billing import CollectionStatus, ItemOutcome, PriceSource, RunStatus
from contracts.money import Money
from contracts.payment import PaymentMethod
from contracts.radius import RequestKind, RequestOutcome
from contracts.router import RouterStatus, SessionControl
from contracts.subscriber import BillingType, HoldReason, PlanStatus, ServiceStatus
from payment_svc import models as payment
from radius_svc import models
from radius_svc.domain.change_rules import SUSPENDED_CLASS_IN_RADACCT
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import control
from radius_svc.usecases import authorization
from router_svc import models as router
from servicekit.clock import local_date
from servicekit.db import Database
from servicekit.ids import first_id_at
from servicekit.ids import new_id as new_correlation_id
from servicekit.paging import folded
from servicekit.secrets import FieldCipher
from subscriber_svc import models as subscriber

from gateway import models as gateway
from gateway import passwords
from tests.benchmarks.copying import analyze, copy_rows
from tests.support.deployment import OWNER_EMAIL, OWNER_PASSWORD

ZONE = ZoneInfo("Asia/Manila")
MONTHS = 12
TERMS_DAYS, GRACE_DAYS = 15, 5
ROUTERS = 10
PLANS = (
    ("Fiber 25 Mbps", 99_900, 25_000),
    ("Fiber 50 Mbps", 129_900, 50_000),
    ("Fiber 100 Mbps", 149_900, 100_000),
    ("Fiber 200 Mbps", 199_900, 200_000),
    ("Business 300 Mbps", 399_900, 300_000),
)
FIRST_NAMES = (
    "Juan", "Maria", "Jose", "Ana", "Pedro", "Rosa", "Antonio", "Luz", "Ramon", "Teresa", "Carlos",
    "Elena", "Manuel", "Carmen", "Ricardo", "Gloria", "Miguel", "Cristina", "Fernando", "Isabel",
    "Eduardo", "Angela", "Roberto", "Marites", "Andres", "Josefina", "Rafael", "Lourdes", "Gabriel",
    "Corazon", "Daniel", "Imelda", "Marco", "Patricia", "Paolo", "Bianca", "Enrique", "Sofía",
    "Julio", "Niña",
)  # fmt: skip
LAST_NAMES = (
    "Santos", "Reyes", "Cruz", "Bautista", "Ocampo", "Garcia", "Mendoza", "Torres", "Tomas",
    "Andrada", "Castillo", "Flores", "Villanueva", "Ramos", "Castro", "Rivera", "Aquino", "Navarro",
    "Salazar", "Mercado", "Pascual", "Santiago", "Soriano", "Lim", "Tan", "Gonzales", "Domingo",
    "Delgado", "Peña", "Muñoz", "Valdez", "Aguilar", "Fernandez", "Hernandez", "Lopez", "Manalo",
    "Marquez", "Medina", "Natividad", "Pineda", "Quiambao", "Robles", "Sison", "Tolentino", "Uy",
    "Velasco", "Yap", "Zamora", "Dimaculangan", "Macaraeg",
)  # fmt: skip
METHODS = tuple(PaymentMethod)
PASSWORD = "pppoe-pass-01"
CLOSED_SESSIONS, CLOSED_DAYS = 25, 60
USAGE_DAYS = 30
ONLINE_SAMPLES = 400
LATE_DAYS = 4
AUDIT_ENTRIES_PER_SUBSCRIBER = 5
OPERATORS = 12
GIGABYTE = 10**9


class Standing(Enum):
    """What is left to pay of the newest invoice."""

    SUSPENDED = range(3)
    LATE = range(3, 6)
    PARTLY = range(6, 7)
    NOT_DUE = range(7, 17)
    PAID = range(17, 100)


@dataclass(frozen=True)
class Person:
    number: int
    subscriber_id: str
    service_id: str
    created_at: datetime

    @property
    def full_name(self) -> str:
        first = FIRST_NAMES[self.number % len(FIRST_NAMES)]
        last = LAST_NAMES[self.number // len(FIRST_NAMES) % len(LAST_NAMES)]
        middle = chr(ord("A") + self.number * 7 % 26)
        return f"{first} {middle}. {last}"

    @property
    def username(self) -> str:
        return f"{folded(self.full_name).replace('. ', '.').replace(' ', '.')}.{self.number}"

    @property
    def short_id(self) -> str:
        return f"bench{self.number:07d}"

    @property
    def phone(self) -> str:
        return f"0917{self.number * 7_919 % 10_000_000:07d}"

    @property
    def standing(self) -> Standing:
        return next(standing for standing in Standing if self.number % 100 in standing.value)

    @property
    def suspended(self) -> bool:
        return self.standing is Standing.SUSPENDED

    @property
    def terminated(self) -> bool:
        return self.number % 100 == 98

    @property
    def paid_too_much(self) -> bool:
        return self.number % 100 == 99

    @property
    def was_suspended(self) -> bool:
        """And has paid, and was back soon."""
        return self.number % 20 == 19

    @property
    def status(self) -> ServiceStatus:
        if self.terminated:
            return ServiceStatus.TERMINATED
        return ServiceStatus.SUSPENDED if self.suspended else ServiceStatus.ACTIVE

    @property
    def address(self) -> str:
        high, low = divmod(self.number, 250)
        return f"100.{64 + high // 250}.{high % 250}.{low + 1}"

    @property
    def mac(self) -> str:
        digits = f"{self.number:06X}"
        return f"48:A9:8A:{digits[:2]}:{digits[2:4]}:{digits[4:]}"


@dataclass(frozen=True)
class Invoice:
    """`paid_on` and `paid` of the payment for it, if there is one."""

    person: Person
    id: str
    month: date
    issued_on: date
    due_on: date
    created_at: datetime
    total: int
    paid: int
    paid_on: date

    @property
    def is_paid(self) -> bool:
        return self.paid == self.total

    @property
    def suspends(self) -> bool:
        return self.person.suspended and not self.is_paid


class Year:
    """Up to `now`. The ids are as old as what they name, as those of a system that ran for a year."""

    def __init__(self, size: int, now: datetime) -> None:
        self.now, self.today = now, local_date(now, ZONE)
        self._numbers = count()
        self.months = self._months()
        self.plan_ids = [self.new_id(self.at(self.months[0], number)) for number in range(len(PLANS))]
        self.router_ids = [self.new_id(self.at(self.months[0], number)) for number in range(ROUTERS)]
        self.people = [self._person(number) for number in range(size)]
        self.run_ids = [self.new_id(self.at(month, 0)) for month in self.months]
        others = range(1, OPERATORS)
        self.operators = [OWNER_EMAIL, *(f"operator{number}@example.com" for number in others)]

    def _months(self) -> list[date]:
        """First days, the oldest first, this month last."""
        months = [self.today.replace(day=1)]
        for _ in range(MONTHS - 1):
            months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
        return months

    def _person(self, number: int) -> Person:
        at = self.at(self.months[0] - timedelta(days=30), number)
        return Person(number, self.new_id(at), self.new_id(at), at)

    def new_id(self, at: datetime) -> str:
        return f"{first_id_at(at)[:24]}{next(self._numbers):012x}"

    def at(self, day: date, number: int) -> datetime:
        """An instant of the day, later for a greater number; not after now."""
        morning = datetime.combine(day, time(6), ZONE).astimezone(UTC)
        return min(morning + timedelta(milliseconds=number * 1_000), self.now - timedelta(minutes=1))

    def plan_of(self, person: Person) -> int:
        return person.number * 3 % len(PLANS)

    def router_of(self, person: Person) -> int:
        return person.number % ROUTERS

    @cached_property
    def invoices(self) -> list[Invoice]:
        """Month by month."""
        return [self._invoice(person, month) for month in self.months for person in self.people]

    def _invoice(self, person: Person, month: date) -> Invoice:
        total = PLANS[self.plan_of(person)][1]
        newest = month == self.months[-1]
        due_on = self._newest_due(person) if newest else month + timedelta(days=TERMS_DAYS)
        issued_on = due_on - timedelta(days=TERMS_DAYS)
        at = self.at(issued_on, person.number)
        paid_on = min(issued_on + timedelta(days=person.number % 14), self.today)
        paid = self._paid_of_newest(person, total) if newest else total
        return Invoice(person, self.new_id(at), month, issued_on, due_on, at, total, paid, paid_on)

    def _newest_due(self, person: Person) -> date:
        turn = person.number // 100
        if person.suspended:
            return self.today - timedelta(days=GRACE_DAYS + 1 + turn % 90)
        if person.standing is Standing.LATE:
            return self.today - timedelta(days=1 + turn % LATE_DAYS)
        if person.standing is Standing.PAID:
            return self.months[-1] + timedelta(days=TERMS_DAYS)
        return self.today + timedelta(days=person.number % TERMS_DAYS)

    @staticmethod
    def _paid_of_newest(person: Person, total: int) -> int:
        if person.standing is Standing.PAID:
            return total
        return total // 2 if person.standing is Standing.PARTLY else 0

    @cached_property
    def payments(self) -> list[tuple[str, Person, Invoice | None, int, date, datetime]]:
        """With the invoice that each pays; none for money that is credit."""
        paid = [
            (
                self.new_id(at := self.at(invoice.paid_on, 20_000 + invoice.person.number)),
                invoice.person,
                invoice,
                invoice.paid,
                invoice.paid_on,
                at,
            )
            for invoice in self.invoices
            if invoice.paid
        ]
        yesterday = self.today - timedelta(days=1)
        at = self.at(yesterday, 0)
        credit = [
            (self.new_id(at), person, None, 50_000, yesterday, at)
            for person in self.people
            if person.paid_too_much
        ]
        return [*paid, *credit]

    def came_back(self, person: Person) -> datetime:
        """When somebody who was suspended had paid, in the last month."""
        return self.now - timedelta(hours=2 + person.number * 31 % 650)


def seed(databases: Mapping[str, Database], cipher: FieldCipher, year: Year) -> None:
    """Into empty databases."""
    parts: dict[str, Callable[[Database], None]] = {
        "subscriber": lambda database: _seed_subscriber(database, year, cipher),
        "billing": lambda database: _seed_billing(database, year),
        "payment": lambda database: _seed_payment(database, year),
        "router": lambda database: _seed_router(database, year, cipher),
        "radius": lambda database: _seed_radius(database, year, cipher),
        "gateway": lambda database: _seed_gateway(database, year),
    }
    for name, seed_part in parts.items():
        seed_part(databases[name])
        analyze(databases[name])


# ---- subscribers


def _seed_subscriber(database: Database, year: Year, cipher: FieldCipher) -> None:
    began = year.at(year.months[0], 0)
    plans = [
        {
            "id": plan_id,
            "version": 1,
            "name": name,
            "price_minor": price,
            "currency": "PHP",
            "billing_type": BillingType.POSTPAID,
            "download_kbps": kbps,
            "upload_kbps": kbps,
            "status": PlanStatus.ACTIVE,
            "created_at": began,
        }
        for plan_id, (name, price, kbps) in zip(year.plan_ids, PLANS, strict=True)
    ]
    copy_rows(database, subscriber.Plan, plans)
    copy_rows(database, subscriber.Subscriber, map(_subscriber, year.people))
    copy_rows(database, subscriber.Service, (_service(year, person, cipher) for person in year.people))
    copy_rows(database, subscriber.Hold, _holds(year))
    standings = ({"subscriber_id": p.subscriber_id, "sequence": 1} for p in year.people if p.suspended)
    copy_rows(database, subscriber.AccountStanding, standings)


def _subscriber(person: Person) -> dict[str, Any]:
    return {
        "id": person.subscriber_id,
        "version": 1,
        "short_id": person.short_id,
        "full_name": person.full_name,
        "name_key": folded(person.full_name),
        "email": f"{person.username}@example.com",
        "phone": person.phone,
        "address": f"Block {person.number % 90}, Brgy. San Jose",
        "notes": "",
        "created_at": person.created_at,
    }


def _service(year: Year, person: Person, cipher: FieldCipher) -> dict[str, Any]:
    return {
        "id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "plan_id": year.plan_ids[year.plan_of(person)],
        "router_id": year.router_ids[year.router_of(person)],
        "pppoe_username": person.username,
        "password_encrypted": cipher.encrypt(PASSWORD, person.service_id),
        "activated_on": local_date(person.created_at, ZONE),
        "created_at": person.created_at,
        "terminated_at": year.now - timedelta(days=10) if person.terminated else None,
    }


def _holds(year: Year) -> Iterator[dict[str, Any]]:
    for person in year.people:
        if not (person.suspended or person.was_suspended):
            continue
        released_at = None if person.suspended else year.came_back(person)
        placed_at = (released_at or year.now) - timedelta(days=1 + person.number % 9)
        yield {
            "id": year.new_id(placed_at),
            "service_id": person.service_id,
            "reason": HoldReason.OVERDUE,
            "note": "",
            "placed_by": "billing",
            "placed_at": placed_at,
            "released_by": "billing" if released_at else None,
            "released_at": released_at,
        }


# ---- money


def _seed_billing(database: Database, year: Year) -> None:
    with database.transaction() as session:
        ensure_settings(session, now=year.now, today=year.today)
        load_settings(session, lock=True).collections_done_on = year.today
    series = {"prefix": "INV", "next_number": len(year.invoices) + 1}
    copy_rows(database, billing.InvoiceSeries, [series])
    plans = [
        {
            "plan_id": plan_id,
            "version": 1,
            "name": name,
            "price_minor": price,
            "currency": "PHP",
            "billing_type": BillingType.POSTPAID,
        }
        for plan_id, (name, price, _kbps) in zip(year.plan_ids, PLANS, strict=True)
    ]
    copy_rows(database, billing.PlanProjection, plans)
    copy_rows(database, billing.Account, map(_account, year.people))
    copy_rows(database, billing.ServiceProjection, (_projection(year, person) for person in year.people))
    numbered = [(number_of("INV", number), invoice) for number, invoice in enumerate(year.invoices, 1)]
    copy_rows(database, billing.Invoice, (_invoice(number, invoice) for number, invoice in numbered))
    copy_rows(database, billing.InvoiceLine, (_line(year, invoice) for invoice in year.invoices))
    copy_rows(database, billing.ReceivedPayment, map(_received, year.payments))
    copy_rows(database, billing.Allocation, _allocations(year))
    copy_rows(database, billing.LedgerEntry, _entries(year))
    copy_rows(database, billing.BillingRun, (_run(year, number) for number in range(MONTHS)))
    copy_rows(database, billing.BillingRunItem, _run_items(year))


def _account(person: Person) -> dict[str, Any]:
    return {
        "subscriber_id": person.subscriber_id,
        "subscriber_version": 1,
        "full_name": person.full_name,
        "name_key": folded(person.full_name),
        "standing_sequence": 1 if person.suspended else 0,
        "suspension_requested": person.suspended,
    }


def _projection(year: Year, person: Person) -> dict[str, Any]:
    return {
        "service_id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "plan_id": year.plan_ids[year.plan_of(person)],
        "pppoe_username": person.username,
        "status": person.status,
        "activated_on": local_date(person.created_at, ZONE),
    }


def _invoice(number: str, invoice: Invoice) -> dict[str, Any]:
    period = period_of(invoice.month)
    return {
        "id": invoice.id,
        "number": number,
        "subscriber_id": invoice.person.subscriber_id,
        "subscriber_name": invoice.person.full_name,
        "state": InvoiceState.PAID if invoice.is_paid else InvoiceState.OPEN,
        "collection_status": CollectionStatus.SUSPENDED if invoice.suspends else CollectionStatus.PENDING,
        "period_start": period.start,
        "period_end": period.end,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "total_minor": invoice.total,
        "currency": "PHP",
        "created_at": invoice.created_at,
    }


def _line(year: Year, invoice: Invoice) -> dict[str, Any]:
    plan, period = year.plan_of(invoice.person), period_of(invoice.month)
    return {
        "id": year.new_id(invoice.created_at),
        "invoice_id": invoice.id,
        "service_id": invoice.person.service_id,
        "description": PLANS[plan][0],
        "period_start": period.start,
        "period_end": period.end,
        "plan_id": year.plan_ids[plan],
        "plan_name": PLANS[plan][0],
        "price_minor": invoice.total,
        "price_source": PriceSource.PLAN,
        "discount_minor": 0,
        "tax_minor": 0,
        "amount_minor": invoice.total,
    }


def _received(paid: tuple) -> dict[str, Any]:
    payment_id, person, invoice, amount, day, _at = paid
    return {
        "payment_id": payment_id,
        "subscriber_id": person.subscriber_id,
        "amount_minor": amount,
        "currency": "PHP",
        "received_on": day,
        "exhausted": invoice is not None,
    }


def _allocations(year: Year) -> Iterator[dict[str, Any]]:
    for payment_id, _person, invoice, amount, _day, at in year.payments:
        if invoice is not None:
            yield {
                "id": year.new_id(at),
                "payment_id": payment_id,
                "invoice_id": invoice.id,
                "amount_minor": amount,
                "allocated_at": at,
            }


def _entries(year: Year) -> Iterator[dict[str, Any]]:
    for invoice in year.invoices:
        yield from ledger.invoice_issued(
            invoice_id=invoice.id,
            subscriber_id=invoice.person.subscriber_id,
            total=Money(invoice.total),
            tax=Money(0),
            on=invoice.issued_on,
            at=invoice.created_at,
        )
    for number, (payment_id, person, _invoice, amount, day, at) in enumerate(year.payments):
        yield from ledger.payment_received(
            payment_id=payment_id,
            subscriber_id=person.subscriber_id,
            method=METHODS[number % len(METHODS)].value,
            amount=Money(amount),
            on=day,
            at=at,
        )


def _run(year: Year, number: int) -> dict[str, Any]:
    month = year.months[number]
    period, at = period_of(month), year.at(month, 0)
    size = len(year.people)
    return {
        "id": year.run_ids[number],
        "run_on": month,
        "period_start": period.start,
        "period_end": period.end,
        "dry_run": False,
        "automatic": True,
        "status": RunStatus.FINISHED,
        "total": size,
        "created": size,
        "skipped": 0,
        "failed": 0,
        "amount_minor": sum(PLANS[year.plan_of(person)][1] for person in year.people),
        "started_by": "billing",
        "started_at": at,
        "finished_at": at,
    }


def _run_items(year: Year) -> Iterator[dict[str, Any]]:
    run_of = dict(zip(year.months, year.run_ids, strict=True))
    for invoice in year.invoices:
        yield {
            "run_id": run_of[invoice.month],
            "subscriber_id": invoice.person.subscriber_id,
            "subscriber_name": invoice.person.full_name,
            "outcome": ItemOutcome.CREATED,
            "reason": "",
            "invoice_id": invoice.id,
            "amount_minor": invoice.total,
        }


def _seed_payment(database: Database, year: Year) -> None:
    names = (
        {
            "subscriber_id": person.subscriber_id,
            "version": 1,
            "full_name": person.full_name,
            "name_key": folded(person.full_name),
        }
        for person in year.people
    )
    copy_rows(database, payment.SubscriberProjection, names)
    copy_rows(database, payment.Payment, _payments(year))


def _payments(year: Year) -> Iterator[dict[str, Any]]:
    for number, (payment_id, person, invoice, amount, day, at) in enumerate(year.payments):
        reference = f"GC-{number:08d}"
        yield {
            "id": payment_id,
            "subscriber_id": person.subscriber_id,
            "invoice_id": invoice.id if invoice else None,
            "amount_minor": amount,
            "currency": "PHP",
            "method": METHODS[number % len(METHODS)],
            "reference": reference,
            "reference_key": folded(reference),
            "received_on": day,
            "recorded_at": at,
            "recorded_by": year.operators[number % OPERATORS],
        }


# ---- network


def _seed_router(database: Database, year: Year, cipher: FieldCipher) -> None:
    routers = (
        {
            "id": router_id,
            "version": 1,
            "name": f"Router {number}",
            "status": RouterStatus.ONLINE,
            "nas_address": f"10.99.0.{number + 1}",
            "radius_secret_encrypted": cipher.encrypt("nas-secret-0123456789", router_id),
            "coa_port": 3799,
            "session_control": SessionControl.DISCONNECT,
            "require_message_authenticator": True,
            "created_at": year.at(year.months[0], 0),
        }
        for number, router_id in enumerate(year.router_ids)
    )
    copy_rows(database, router.Router, routers)


def _seed_radius(database: Database, year: Year, cipher: FieldCipher) -> None:
    with database.transaction() as session:
        for plan_id, (_name, _price, kbps) in zip(year.plan_ids, PLANS, strict=True):
            rate = f"{kbps // 1000}M/{kbps // 1000}M"
            authorization.write_plan_group(session, plan_id, 1, {"Mikrotik-Rate-Limit": rate})
        for number, router_id in enumerate(year.router_ids):
            client = authorization.NasClient(
                router_id=router_id,
                version=1,
                address=f"10.99.0.{number + 1}",
                name=f"Router {number}",
                secret="nas-secret-0123456789",
            )
            authorization.write_nas(session, client)
        seq = authorization.next_seq(session)
        session.query(models.Nas).update({"last_heard_at": year.now})
    live = [person for person in year.people if not person.terminated]
    nt_hash = nt_password_hash(PASSWORD).hex()
    accounts = (_login(year, person, cipher, seq) for person in year.people)
    copy_rows(database, models.RadiusAccount, accounts)
    checks = (
        {"username": p.username, "attribute": "NT-Password", "op": ":=", "value": nt_hash} for p in live
    )
    copy_rows(database, models.RadCheck, checks)
    copy_rows(database, models.RadUserGroup, _groups(year, live))
    closed = CLOSED_SESSIONS * len(year.people)
    copy_rows(database, models.RadAcct, _sessions(year, live))
    open_ids = range(closed + 1, closed + len(live) + 1)
    marks = (
        {"radacctid": number, "download_octets": 3 * GIGABYTE, "upload_octets": GIGABYTE, "final": False}
        for number in open_ids
    )
    copy_rows(database, control.UsageMark, marks)
    newest = open_ids.stop - 1
    with database.transaction() as session:
        session.merge(control.UsageProgress(id=1, counted_to=newest, seen_to=newest))
    copy_rows(database, control.DailyUsage, _usage(year))
    copy_rows(database, control.OnlineCount, _samples(year, len(live)))
    back = [person for person in live if person.was_suspended]
    copy_rows(database, control.SessionChange, (_change(year, person, seq) for person in back))
    copy_rows(database, control.RequestAttempt, _attempts(year, back))
    copy_rows(database, control.Reconnect, _reconnects(year, back))


def _login(year: Year, person: Person, cipher: FieldCipher, seq: int) -> dict[str, Any]:
    return {
        "service_id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "username": person.username,
        "password_encrypted": cipher.encrypt(PASSWORD, person.service_id),
        "plan_id": year.plan_ids[year.plan_of(person)],
        "router_id": year.router_ids[year.router_of(person)],
        "suspended": person.suspended,
        "terminated": person.terminated,
        "changed_seq": seq,
    }


def _groups(year: Year, live: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for person in live:
        if person.suspended:
            group, priority = authorization.SUSPENDED_GROUP, authorization.SUSPENDED_PRIORITY
            yield {"username": person.username, "groupname": group, "priority": priority}
        group = authorization.plan_group(year.plan_ids[year.plan_of(person)])
        yield {"username": person.username, "groupname": group, "priority": authorization.PLAN_PRIORITY}


def _sessions(year: Year, live: Sequence[Person]) -> Iterator[dict[str, Any]]:
    """Closed ones of the last weeks, then one open one of everybody."""
    each = timedelta(days=CLOSED_DAYS) / CLOSED_SESSIONS
    for number in range(CLOSED_SESSIONS):
        for person in year.people:
            began = year.now - timedelta(days=CLOSED_DAYS + 1) + number * each
            began += timedelta(seconds=person.number)
            yield _session(year, person, number, began, began + each - timedelta(hours=1))
    for person in live:
        began = year.now - timedelta(hours=12) + timedelta(seconds=person.number)
        yield _session(year, person, CLOSED_SESSIONS, began, None)


def _session(
    year: Year, person: Person, number: int, began: datetime, ended: datetime | None
) -> dict[str, Any]:
    fenced = person.suspended and ended is None
    return {
        "acctsessionid": f"8{number:02x}{person.number:06x}",
        "acctuniqueid": f"{number:02x}{person.number:030x}",
        "username": person.username,
        "nasipaddress": f"10.99.0.{year.router_of(person) + 1}",
        "nasportid": f"<pppoe-{person.username}>",
        "nasporttype": "Ethernet",
        "acctstarttime": began,
        "acctupdatetime": ended or year.now,
        "acctstoptime": ended,
        "acctsessiontime": ((ended or year.now) - began) // timedelta(seconds=1),
        "acctinputoctets": GIGABYTE,
        "acctoutputoctets": 3 * GIGABYTE,
        "calledstationid": "isp",
        "callingstationid": person.mac,
        "acctterminatecause": "Lost-Carrier" if ended else None,
        "servicetype": "Framed-User",
        "framedprotocol": "PPP",
        "framedipaddress": person.address,
        "class": SUSPENDED_CLASS_IN_RADACCT if fenced else None,
        "service_id": person.service_id,
        "router_id": year.router_ids[year.router_of(person)],
        "received_at": began,
    }


def _usage(year: Year) -> Iterator[dict[str, Any]]:
    for days in reversed(range(USAGE_DAYS)):
        day = year.today - timedelta(days=days)
        for person in year.people:
            yield {
                "service_id": person.service_id,
                "day": day,
                "download_octets": (1 + (person.number + days) % 9) * GIGABYTE,
                "upload_octets": GIGABYTE,
            }


def _samples(year: Year, online: int) -> Iterator[dict[str, Any]]:
    newest = datetime.fromtimestamp(year.now.timestamp() // 300 * 300, UTC)
    for number in range(1, ONLINE_SAMPLES):
        yield {"at": newest - number * timedelta(minutes=5), "sessions": online - number * 13 % 200}


def _change(year: Year, person: Person, seq: int) -> dict[str, Any]:
    at = year.came_back(person)
    return {
        "service_id": person.service_id,
        "kind": control.ChangeKind.AUTHORIZATION,
        "status": control.ChangeStatus.DONE,
        "authorized_seq": seq,
        "authorized_at": at,
        "rounds": 1,
        "next_round_at": at,
        "finished_at": at,
        "correlation_id": new_correlation_id(),
    }


def _attempts(year: Year, back: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for change_id, person in enumerate(back, 1):
        at = year.came_back(person) + timedelta(milliseconds=40)
        yield {
            "id": year.new_id(at),
            "change_id": change_id,
            "service_id": person.service_id,
            "acctuniqueid": f"{CLOSED_SESSIONS - 1:02x}{person.number:030x}",
            "kind": RequestKind.DISCONNECT,
            "outcome": RequestOutcome.ACKED,
            "detail": "",
            "suspended": False,
            "sent_at": at,
            "answered_at": at + timedelta(milliseconds=3),
        }


def _reconnects(year: Year, back: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for change_id, person in enumerate(back, 1):
        at, took = year.came_back(person), 300 + person.number * 37 % 9_000
        yield {
            "id": year.new_id(at),
            "service_id": person.service_id,
            "change_id": change_id,
            "payment_id": year.new_id(at),
            "paid_at": at,
            "released_at": at + timedelta(milliseconds=20),
            "authorized_at": at + timedelta(milliseconds=30),
            "router_acked_at": at + timedelta(milliseconds=50),
            "online_at": at + timedelta(milliseconds=took),
            "milliseconds": took,
        }


# ---- operators


def _seed_gateway(database: Database, year: Year) -> None:
    began = year.at(year.months[0], 0)
    ids = [year.new_id(began) for _ in year.operators]
    password_hash = passwords.hash_password(OWNER_PASSWORD)
    operators = (
        {
            "id": operator_id,
            "email": email,
            "full_name": PEOPLE_AT_WORK[number % len(PEOPLE_AT_WORK)],
            "role": gateway.Role.ADMIN if number else gateway.Role.OWNER,
            "password_hash": password_hash,
            "disabled": False,
            "created_at": began,
        }
        for number, (operator_id, email) in enumerate(zip(ids, year.operators, strict=True))
    )
    copy_rows(database, gateway.Operator, operators)
    copy_rows(database, gateway.AuditEntry, _audit(year, ids))


PEOPLE_AT_WORK = ("Liza Ramos", "Mark Lim", "Joy Santos", "Ben Cruz")


def _audit(year: Year, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    done = (
        ("admin.record_payment", "POST /invoices/<invoice_id>/payments", "/invoices/1/payments"),
        ("admin.edit_subscriber", "POST /subscribers/<subscriber_id>/edit", "/subscribers/1/edit"),
        ("admin.login", "POST /login", "/login"),
    )
    total = AUDIT_ENTRIES_PER_SUBSCRIBER * len(year.people)
    for number in range(total):
        event, action, path = done[number % len(done)]
        person = year.people[number % len(year.people)]
        yield {
            "recorded_at": year.now - timedelta(days=300) * ((total - number) / total),
            "operator_id": ids[number % OPERATORS],
            "actor": year.operators[number % OPERATORS],
            "role": gateway.Role.ADMIN.value,
            "address": "10.0.0.5",
            "event": event,
            "action": action,
            "path": path,
            "record_id": person.subscriber_id,
            "correlation_id": new_correlation_id(),
        }
