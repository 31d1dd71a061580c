"""Which months of a service a billing run bills, and why it does not bill the others.

The one place for this rule: previews, billing runs and invoices for a single subscriber all use it. A month
is a billing period, named by its first day. A service is owed for the months from `billed_from` to the month
in which it is terminated.

A run looks at the months that no run has dealt with yet, up to today's, and at its own month in any case. It
bills each of them or names a reason. After that the month is decided: later runs leave it alone, unless
someone starts a run for that very month. So it does not matter when runs take place: a missed run, a billing
day that moves and a service that is added after the run all leave undecided months, and the next run finds
them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from contracts.billing_settings import FirstMonth
from contracts.common import BillingPeriod

from billing_svc.domain.periods import generation_date, period_before, period_of


class NotBilled(StrEnum):
    """Why a month is not billed."""

    BEFORE_UPGRADE = "before_upgrade"
    VOIDED = "voided"
    SAME_LOGIN = "same_login"
    UNUSED = "unused"
    FREE_FIRST_MONTH = "free_first_month"


@dataclass(frozen=True)
class BilledService:
    """What the rule needs to know about a service.

    Months before `billed_until`, the first day of a month, are decided; None means that none is. If the first
    day was moved, only those since `decided_from` are. Months before `upgraded_in` belong to a version that
    did not catch up on them: the next run lists them.

    `ended` services were terminated by a version that did not keep the day: only reopened months are billed.
    """

    billed_from: date
    terminated_on: date | None = None
    billed_until: date | None = None
    upgraded_in: date | None = None
    ended: bool = False
    decided_from: date | None = None

    @property
    def first_month(self) -> date:
        return period_of(self.billed_from).start

    @property
    def last_month(self) -> date:
        """The month in which it was terminated, or the end of time."""
        return date.max if self.terminated_on is None else period_of(self.terminated_on).start

    @property
    def first_undecided(self) -> date:
        if self.billed_until is not None and self.is_decided(self.first_month):
            return self.billed_until
        return self.first_month

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to bill, because it is terminated and all its months are decided."""
        return self.ended or self.first_undecided > self.last_month

    def is_decided(self, month: date) -> bool:
        return self.billed_until is not None and (self.decided_from or date.min) <= month < self.billed_until

    def begins(self, billed_from: date) -> BilledService:
        """The service with another first day. What was decided stays decided; months before it are not."""
        moved, kept = replace(self, billed_from=billed_from), self.decided_from
        if self.billed_until is None or moved.first_month == self.first_month:
            return moved
        if kept is None and self.first_month < self.billed_until:
            kept = self.first_month
        return replace(moved, decided_from=kept)

    def owes(self, month: date) -> bool:
        """Whether it is owed for the month, from the first to the last one."""
        return self.first_month <= month <= self.last_month


@dataclass(frozen=True)
class History:
    """The invoices of a service by month, each with its number.

    `voided` has the months whose invoice was voided, and `reopened` those that the next run bills again.
    `same_login` has the months for which another service of the subscriber with the same login is billed.
    """

    invoiced: Mapping[date, str] = field(default_factory=dict)
    voided: Mapping[date, str] = field(default_factory=dict)
    reopened: Collection[date] = ()
    same_login: Mapping[date, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunTerms:
    """What a run was asked to do: bill its own `month`, and catch up on months up to `today`.

    `voided_too` and `same_login_too` bill its own month even if it was voided or its login is billed already.
    """

    month: date
    today: date
    first_month: FirstMonth = FirstMonth.FULL
    voided_too: bool = False
    same_login_too: bool = False


@dataclass(frozen=True)
class NamedMonth:
    """A month that is not billed. `number` is the invoice that the reason is about, or empty."""

    month: date
    reason: NotBilled
    number: str = ""


@dataclass(frozen=True)
class Decision:
    """What a run does about a service: months to bill, months to name, and whether its own is invoiced."""

    due: tuple[date, ...] = ()
    named: tuple[NamedMonth, ...] = ()
    invoiced: str | None = None

    @property
    def months(self) -> set[date]:
        """The months that the run bills or names."""
        return {*self.due, *(one.month for one in self.named)}


def decide(service: BilledService, history: History, terms: RunTerms) -> Decision:
    """What a run does about a service, month by month. Never names or bills a month twice."""
    due: list[date] = []
    named = list(_before_upgrade(service, history, terms))
    for month in _considered(service, terms, history.reopened):
        if month in history.invoiced:
            continue
        why = _why_not(service, history, terms, month)
        if why is None:
            due.append(month)
        else:
            named.append(why)
    return Decision(tuple(due), tuple(named), history.invoiced.get(terms.month))


def decided_by(service: BilledService, terms: RunTerms) -> BilledService:
    """The service after a run. Its `billed_until` moves only forward.

    A run for a month before `decided_from` decides nothing for good, because months after it are missing.
    """
    considered = set(_considered(service, terms))
    month = service.first_undecided
    while month in considered or service.is_decided(month):
        month = period_of(month).end
    since = service.decided_from
    if month == service.first_undecided or (since is not None and month < since):
        return service
    return replace(service, billed_until=month, decided_from=since and min(since, service.first_month))


def due_period(
    today: date, generation_day: int, day_set_on: date, last_run: date | None
) -> BillingPeriod | None:
    """The period whose automatic run is due: the latest whose generation day has come, unless it was run.

    `last_run` is the first day of the latest period that was run automatically. Earlier periods need no run
    of their own, since each run catches up. None also if the day had already passed when it was set
    (`day_set_on`): its period is then part of the next run.
    """
    current = period_of(today)
    period = current if generation_date(current, generation_day) <= today else period_before(current)
    was_run = last_run is not None and last_run >= period.start
    return None if was_run or generation_date(period, generation_day) < day_set_on else period


def next_run(
    today: date, generation_day: int, day_set_on: date, last_run: date | None
) -> tuple[date, BillingPeriod]:
    """The day and the period of the next automatic run: today if one is due."""
    due = due_period(today, generation_day, day_set_on, last_run)
    if due is not None:
        return today, due
    period = period_of(today)
    while True:
        day = generation_date(period, generation_day)
        if day > today and (last_run is None or last_run < period.start):
            return day, period
        period = period_of(period.end)


def months_without_a_run(period: BillingPeriod, last_run: date | None, began_in: date) -> list[date]:
    """The months before `period` that the run for it has to make up for, the oldest first.

    `last_run` is as in `due_period`; without one, months count from the month `began_in`.
    """
    month = began_in if last_run is None else period_of(last_run).end
    months: list[date] = []
    while month < period.start:
        months.append(month)
        month = period_of(month).end
    return months


def _considered(service: BilledService, terms: RunTerms, reopened: Collection[date] = ()) -> list[date]:
    """The months that a run decides: undecided and reopened ones up to now, and its own. Oldest first."""
    until = min(terms.month, period_of(terms.today).start, service.last_month)
    months = {month for month in reopened if service.owes(month) and month <= until}
    if service.ended:
        return sorted(months)
    if service.owes(terms.month):
        months.add(terms.month)
    month = service.first_undecided
    while month <= until:
        if not service.is_decided(month):
            months.add(month)
        month = period_of(month).end
    return sorted(months)


def _before_upgrade(service: BilledService, history: History, terms: RunTerms) -> Iterator[NamedMonth]:
    if service.upgraded_in is None or service.ended:
        return
    considered = _considered(service, terms, history.reopened)
    month = service.first_month
    while month < service.upgraded_in and month <= service.last_month:
        had_invoice = month in history.invoiced or month in history.voided or month in history.reopened
        if not had_invoice and month not in considered:
            yield NamedMonth(month, NotBilled.BEFORE_UPGRADE)
        month = period_of(month).end


def _why_not(service: BilledService, history: History, terms: RunTerms, month: date) -> NamedMonth | None:
    is_own = month == terms.month
    if month in history.voided and month not in history.reopened:
        if is_own and terms.voided_too:
            return None
        return NamedMonth(month, NotBilled.VOIDED, history.voided[month])
    if service.terminated_on is not None and service.terminated_on <= service.billed_from:
        return NamedMonth(month, NotBilled.UNUSED)
    if month in history.same_login and not (is_own and terms.same_login_too):
        return NamedMonth(month, NotBilled.SAME_LOGIN, history.same_login[month])
    if month == service.first_month and terms.first_month is FirstMonth.FREE:
        return NamedMonth(month, NotBilled.FREE_FIRST_MONTH)
    return None


# Words for the report


def month_name(month: date) -> str:
    """Dec 2026"""
    return f"{month:%b %Y}"


def month_names(months: Collection[date]) -> str:
    """Nov 2026, Dec 2026 and Jan 2027"""
    names = [month_name(month) for month in sorted(months)]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def in_words(named: Collection[NamedMonth], login: str) -> list[str]:
    """Why months of the service with this login are not billed: a sentence for each reason and invoice."""
    grouped: dict[tuple[NotBilled, str], list[date]] = {}
    for one in named:
        grouped.setdefault((one.reason, one.number), []).append(one.month)
    return [
        f"{month_names(months)} not billed for {login}: {_reason_in_words(reason, number)}"
        for (reason, number), months in grouped.items()
    ]


def _reason_in_words(reason: NotBilled, number: str) -> str:
    words = {
        NotBilled.BEFORE_UPGRADE: "before the upgrade to this version",
        NotBilled.VOIDED: f"{number} was voided",
        NotBilled.SAME_LOGIN: f"{number} already bills this login",
        NotBilled.UNUSED: "terminated on its first day",
        NotBilled.FREE_FIRST_MONTH: "the first month is free",
    }
    return words[reason]
