"""What happened in the year: the people, their invoices and their payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import count
from zoneinfo import ZoneInfo

from contracts.payment import PaymentMethod
from servicekit.clock import local_date
from servicekit.ids import first_id_at

from tests.benchmarks.year.people import Person, Standing
from tests.support.deployment import OWNER_EMAIL

ZONE = ZoneInfo("Asia/Manila")
MONTHS = 12
TERMS_DAYS, GRACE_DAYS = 15, 5
LATE_DAYS = 4
OPERATORS = 12
ROUTERS = 10
METHODS = tuple(PaymentMethod)
PLANS = (
    ("Fiber 25 Mbps", 99_900, 25_000),
    ("Fiber 50 Mbps", 129_900, 50_000),
    ("Fiber 100 Mbps", 149_900, 100_000),
    ("Fiber 200 Mbps", 199_900, 200_000),
    ("Business 300 Mbps", 399_900, 300_000),
)


@dataclass(frozen=True)
class Invoice:
    """Amounts are in centavos. `paid` is zero without a payment, and then `paid_on` means nothing."""

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


@dataclass(frozen=True)
class Payment:
    """`invoice` is the one it pays, or None if the money is credit. `amount` is in centavos."""

    id: str
    person: Person
    invoice: Invoice | None
    amount: int
    method: PaymentMethod
    received_on: date
    recorded_at: datetime


class Year:
    """The twelve months up to `now`. Each id carries the time its row was made, as in a real system."""

    def __init__(self, size: int, now: datetime) -> None:
        self.now, self.today = now, local_date(now, ZONE)
        self._numbers, self._payment_numbers = count(), count()
        self.months = self._months()
        self.plan_ids = [self.new_id(self.at(self.months[0], number)) for number in range(len(PLANS))]
        self.router_ids = [self.new_id(self.at(self.months[0], number)) for number in range(ROUTERS)]
        self.people = [self._person(number) for number in range(size)]
        self.run_ids = [self.new_id(self.at(month, 0)) for month in self.months]
        others = range(1, OPERATORS)
        self.operators = [OWNER_EMAIL, *(f"operator{number}@example.com" for number in others)]

    def _months(self) -> list[date]:
        """The first day of each month, ending with this month."""
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
        """A time on that day, `number` seconds after 6:00, but never later than a minute before now."""
        morning = datetime.combine(day, time(6), ZONE).astimezone(UTC)
        return min(morning + timedelta(milliseconds=number * 1_000), self.now - timedelta(minutes=1))

    def plan_of(self, person: Person) -> int:
        return person.number * 3 % len(PLANS)

    def router_of(self, person: Person) -> int:
        return person.number % ROUTERS

    @cached_property
    def invoices(self) -> list[Invoice]:
        """All invoices, month by month."""
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
    def payments(self) -> list[Payment]:
        """Payments of invoices, then payments that became credit."""
        paid = [
            self._payment(
                invoice.person, invoice, invoice.paid, invoice.paid_on, 20_000 + invoice.person.number
            )
            for invoice in self.invoices
            if invoice.paid
        ]
        yesterday = self.today - timedelta(days=1)
        credit = [
            self._payment(person, None, 50_000, yesterday, 0) for person in self.people if person.has_credit
        ]
        return [*paid, *credit]

    def _payment(
        self, person: Person, invoice: Invoice | None, amount: int, day: date, number: int
    ) -> Payment:
        at, method = self.at(day, number), METHODS[next(self._payment_numbers) % len(METHODS)]
        return Payment(self.new_id(at), person, invoice, amount, method, day, at)

    def came_back(self, person: Person) -> datetime:
        """When a subscriber who had been suspended paid, within the last month."""
        return self.now - timedelta(hours=2 + person.number * 31 % 650)
