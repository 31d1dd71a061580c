"""What is owed to the ISP in total, how old it is, and what was collected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from contracts.common import InvalidInput
from contracts.money import Money
from contracts.receivables import AgingBucket, DayCollected, Receivables
from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing_svc.domain.aging import AGES, is_of_age
from billing_svc.domain.invoices import InvoiceState
from billing_svc.lookups import left_to_pay, load_settings
from billing_svc.models import Invoice, ReceivedPayment

MAX_DAYS = 366


@dataclass(frozen=True)
class DueDay:
    """The open invoices that are due on a day, and the minor units left to pay on them."""

    due_on: date
    invoices: int
    left_minor: int


def get_receivables(session: Session, today: date) -> Receivables:
    currency = load_settings(session).currency
    open_days = _open_by_due_date(session)
    late_days = [day for day in open_days if day.due_on < today]
    return Receivables(
        receivable=_left(open_days, currency),
        overdue=_left(late_days, currency),
        collected_today=_collected(session, today, currency),
        collected_this_month=_collected(session, today.replace(day=1), currency),
        open_invoices=_count(open_days),
        overdue_invoices=_count(late_days),
    )


def list_aging(session: Session, today: date) -> list[AgingBucket]:
    currency = load_settings(session).currency
    open_days = _open_by_due_date(session)
    buckets = []
    for from_days, until_days in AGES:
        days = [day for day in open_days if is_of_age(day.due_on, today, from_days, until_days)]
        buckets.append(AgingBucket(from_days, until_days, _count(days), _left(days, currency)))
    return buckets


def list_days_collected(session: Session, days: int, today: date) -> list[DayCollected]:
    """What was collected on each of the last `days` days. Raises InvalidInput if that is too many."""
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput.of("days", f"must be between 1 and {MAX_DAYS}")
    currency = load_settings(session).currency
    first = today - timedelta(days=days - 1)
    received = _by_day(session, ReceivedPayment.received_on, first)
    reversals = _by_day(session, ReceivedPayment.reversed_on, first)
    collected = []
    for number in range(days):
        day = first + timedelta(days=number)
        payments, minor = received.get(day, (0, 0))
        _, reversed_minor = reversals.get(day, (0, 0))
        collected.append(DayCollected(day, payments, Money(minor - reversed_minor, currency)))
    return collected


def _by_day(session: Session, day: InstrumentedAttribute, first: date) -> dict[date, tuple[int, int]]:
    """For each day since `first`: the payments that are not reversed, and the minor units of all."""
    kept = func.sum(case((ReceivedPayment.reversed_on.is_(None), 1), else_=0))
    found = select(day, kept, func.sum(ReceivedPayment.amount_minor)).where(day >= first).group_by(day)
    return {on: (int(payments), int(minor)) for on, payments, minor in session.execute(found)}


def _open_by_due_date(session: Session) -> list[DueDay]:
    days: Select = (
        select(Invoice.due_on, func.count(), func.sum(left_to_pay()))
        .where(Invoice.state == InvoiceState.OPEN)
        .group_by(Invoice.due_on)
    )
    return [DueDay(due_on, invoices, int(minor)) for due_on, invoices, minor in session.execute(days)]


def _left(days: list[DueDay], currency: str) -> Money:
    return Money(sum(day.left_minor for day in days), currency)


def _count(days: list[DueDay]) -> int:
    return sum(day.invoices for day in days)


def _collected(session: Session, since: date, currency: str) -> Money:
    """What was received since that day, less the reversals that count since then."""
    received, reversals = (
        int(session.scalar(select(func.sum(ReceivedPayment.amount_minor)).where(day >= since)) or 0)
        for day in (ReceivedPayment.received_on, ReceivedPayment.reversed_on)
    )
    return Money(received - reversals, currency)
