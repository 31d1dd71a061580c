"""What a billing run does for each subscriber of a batch, before anything is written.

Which months are billed is decided in domain.months. This module reads what the rule needs, with a few
statements for the whole batch, prices the months, and writes the reasons for the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from contracts.billing_runs import ItemOutcome
from contracts.common import BillingPeriod
from contracts.money import Money, total
from contracts.pricing import BillingTerms
from servicekit.db import is_set, is_unset
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from billing_svc.domain.months import (
    BilledService,
    Decision,
    History,
    RunTerms,
    decide,
    decided_by,
    in_words,
    month_names,
)
from billing_svc.domain.periods import period_of
from billing_svc.domain.pricing import PricedLine, price_line
from billing_svc.models import Account, BillingRun, Invoice, InvoiceLine, ServiceProjection, Settings
from billing_svc.usecases.projections import billed_service

BILLABLE = is_unset(ServiceProjection.closed)
THIS_INVOICE = "this invoice"


@dataclass(frozen=True)
class DraftLine:
    """A month of a service, with its price."""

    service: ServiceProjection
    period: BillingPeriod
    priced: PricedLine


@dataclass(frozen=True)
class Decided:
    """What a run leaves of a service: its decided months, and whether it has nothing left to bill."""

    service: ServiceProjection
    billed_until: date | None
    decided_from: date | None
    closed: bool

    @property
    def is_change(self) -> bool:
        kept = self.service
        before = (kept.billed_until, kept.decided_from, kept.closed, kept.upgraded_in)
        return before != (self.billed_until, self.decided_from, self.closed, None)


@dataclass
class Draft:
    """What a run will do for one subscriber, before anything is written.

    `decided` has the state of each service after the run, `reopened` the reopened months that it decides.
    """

    account: Account
    outcome: ItemOutcome
    reason: str = ""
    lines: list[DraftLine] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    reopened: list[tuple[str, date]] = field(default_factory=list)
    invoice_id: str | None = None

    @property
    def total(self) -> Money:
        return total([line.priced.amount for line in self.lines], self.currency)

    @property
    def tax(self) -> Money:
        return total([line.priced.tax for line in self.lines], self.currency)

    @property
    def currency(self) -> str:
        """The currency of the lines. There must be at least one line."""
        return self.lines[0].priced.amount.currency

    @property
    def period(self) -> BillingPeriod:
        """From the beginning of the first month to the end of the last."""
        return BillingPeriod(
            min(line.period.start for line in self.lines), max(line.period.end for line in self.lines)
        )


def in_scope(run: BillingRun) -> ColumnElement[bool]:
    """The services of a run. One for a single subscriber includes those with nothing left to bill."""
    return BILLABLE if run.subscriber_id is None else ServiceProjection.subscriber_id == run.subscriber_id


def draft_batch(
    session: Session, run: BillingRun, settings: Settings, subscriber_ids: Sequence[str]
) -> list[Draft]:
    """What the run does for these subscribers. Their accounts stay locked until the transaction ends."""
    accounts = session.scalars(
        select(Account)
        .where(Account.subscriber_id.in_(subscriber_ids))
        .order_by(Account.subscriber_id)
        .with_for_update()
    ).all()  # all locked before anything else about them is read
    services = _services_by_subscriber(session, run, subscriber_ids)
    billed = _billed_months(session, run, services)
    return [
        _draft_one(run, settings, account, services[account.subscriber_id], billed) for account in accounts
    ]


class BilledMonths:
    """The invoices of a batch of subscribers by service and month, for the months that the run looks at."""

    def __init__(self) -> None:
        self.invoiced: dict[str, dict[date, str]] = defaultdict(dict)
        self.voided: dict[str, dict[date, str]] = defaultdict(dict)
        self.reopened: dict[str, set[date]] = defaultdict(set)
        # (subscriber, login) -> month -> the service that is billed for it, and the number of its invoice
        self._by_login: dict[tuple[str, str], dict[date, tuple[str, str]]] = defaultdict(dict)

    def add_login(self, login: tuple[str, str], month: date, service_id: str, number: str) -> None:
        self._by_login[login][month] = (service_id, number)

    def history(self, service: ServiceProjection) -> History:
        """The history of a service as of now: a month drafted for another service of its login counts."""
        id_, by_login = service.service_id, self._by_login.get(_login(service), {})
        return History(
            invoiced=self.invoiced.get(id_, {}),
            voided=self.voided.get(id_, {}),
            reopened=self.reopened.get(id_, set()),
            same_login={month: number for month, (owner, number) in by_login.items() if owner != id_},
        )


def _login(service: ServiceProjection) -> tuple[str, str]:
    return service.subscriber_id, service.pppoe_username


def _draft_one(
    run: BillingRun,
    settings: Settings,
    account: Account,
    services: Sequence[ServiceProjection],
    billed: BilledMonths,
) -> Draft:
    terms = RunTerms(
        run.period_start, run.catch_up_until, run.first_month, run.voided_too, run.same_login_too
    )
    draft = Draft(account, ItemOutcome.SKIPPED)
    decisions: list[tuple[ServiceProjection, Decision]] = []
    for service in services:
        facts, history = billed_service(service), billed.history(service)
        decision = decide(facts, history, terms)
        decisions.append((service, decision))
        if decision.due and service.plan.currency != settings.currency:
            plan = service.plan
            reason = f"plan {plan.name} is priced in {plan.currency}, but invoices are in {settings.currency}"
            return Draft(account, ItemOutcome.FAILED, reason)
        for month in decision.due:
            period = period_of(month)
            draft.lines.append(DraftLine(service, period, _price(service, period, settings)))
            billed.add_login(_login(service), month, service.service_id, THIS_INVOICE)
        draft.decided.append(_decided(service, facts, decision, history, terms))
        draft.reopened += [(service.service_id, month) for month in decision.months & set(history.reopened)]
    free = [line for line in draft.lines if not line.priced.amount.minor]
    draft.lines = [line for line in draft.lines if line.priced.amount.minor]
    if draft.lines:
        draft.outcome = ItemOutcome.CREATED
    draft.reason = "; ".join(_reasons(run, draft, decisions, free))
    return draft


def _decided(
    service: ServiceProjection, facts: BilledService, decision: Decision, history: History, terms: RunTerms
) -> Decided:
    after = decided_by(facts, terms)
    still_open = any(facts.owes(month) and month not in decision.months for month in history.reopened)
    closed = (after.is_closed or service.closed) and not still_open
    return Decided(service, after.billed_until, after.decided_from, closed)


def _reasons(
    run: BillingRun,
    draft: Draft,
    decisions: Sequence[tuple[ServiceProjection, Decision]],
    free: Sequence[DraftLine],
) -> list[str]:
    """Months that are billed in addition to the run's own, and those that are not, each with the reason."""
    reasons: list[str] = []
    billed = {line.period.start for line in draft.lines}
    if billed - {run.period_start}:
        reasons.append(f"bills {month_names(billed)}")
    for service, decision in decisions:
        reasons += in_words(decision.named, service.pppoe_username)
    if draft.lines:
        reasons += [
            f"{month_names([line.period.start])} is free for {line.service.pppoe_username}" for line in free
        ]
        return reasons
    if free:
        return [*reasons, "nothing to charge: the price after discount is zero"]
    numbers = sorted({decision.invoiced for _, decision in decisions if decision.invoiced})
    if numbers:
        return [*reasons, f"already invoiced for this period: {', '.join(numbers)}"]
    if reasons:
        return reasons
    began = any(billed_service(service).first_month <= run.period_start for service, _ in decisions)
    return ["the service ended before this period" if began else "the service starts after this period"]


def _price(service: ServiceProjection, period: BillingPeriod, settings: Settings) -> PricedLine:
    plan = service.plan
    terms = BillingTerms.of_columns(service, plan.currency)
    return price_line(Money(plan.price_minor, plan.currency), terms, period, settings.tax_mode)


def _services_by_subscriber(
    session: Session, run: BillingRun, subscriber_ids: Sequence[str]
) -> dict[str, list[ServiceProjection]]:
    """Services that work come first: if a login is used by two of them, the terminated one is not billed."""
    services = session.scalars(
        select(ServiceProjection)
        .where(ServiceProjection.subscriber_id.in_(subscriber_ids), in_scope(run))
        .options(joinedload(ServiceProjection.plan))
        .order_by(ServiceProjection.terminated_on.is_not(None), ServiceProjection.service_id)
    )
    grouped: dict[str, list[ServiceProjection]] = defaultdict(list)
    for service in services:
        grouped[service.subscriber_id].append(service)
    return grouped


def _billed_months(
    session: Session, run: BillingRun, services: dict[str, list[ServiceProjection]]
) -> BilledMonths:
    """The lines, voided ones too, of the months that the run looks at, and all reopened ones."""
    together = [service for some in services.values() for service in some]
    considered = [
        facts.first_month if facts.upgraded_in else min(facts.first_undecided, run.period_start)
        for facts in map(billed_service, together)
    ]
    since = min(considered, default=run.period_start)
    found = BilledMonths()
    recent = (
        select(
            InvoiceLine.service_id,
            ServiceProjection.pppoe_username,
            InvoiceLine.period_start,
            Invoice.subscriber_id,
            Invoice.number,
            InvoiceLine.voided,
        )
        .join(Invoice)
        .join(ServiceProjection, ServiceProjection.service_id == InvoiceLine.service_id)
        .where(
            Invoice.subscriber_id.in_(services), Invoice.period_end > since, InvoiceLine.period_start >= since
        )
        .order_by(InvoiceLine.id)
    )
    for service_id, login, month, subscriber_id, number, voided in session.execute(recent):
        if voided:
            found.voided[service_id][month] = number
        else:
            found.invoiced[service_id][month] = number
            found.add_login((subscriber_id, login), month, service_id, number)
    reopened = select(InvoiceLine.service_id, InvoiceLine.period_start).where(
        InvoiceLine.service_id.in_([service.service_id for service in together]), is_set(InvoiceLine.reopened)
    )
    for service_id, month in session.execute(reopened):
        found.reopened[service_id].add(month)
    return found
