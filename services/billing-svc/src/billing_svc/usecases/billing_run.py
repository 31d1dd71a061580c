"""The billing run: one invoice per subscriber and period, exactly once.

A run is a row with a cursor. It goes through the subscribers in batches. Each batch is one transaction that
writes invoices, ledger entries, the report and the new cursor, so a run that is killed resumes where it
stopped. Two runs over the same period issue the same invoices as one: the accounts of a batch are locked,
and the database rejects a second line for the same service and period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from contracts.billing import CollectionStatus, ItemOutcome, RunStatus, StartBillingRun
from contracts.common import BillingPeriod
from contracts.money import Money, total
from contracts.pricing import BillingTerms
from contracts.subscriber import ServiceStatus
from servicekit.db import insert_if_absent
from servicekit.ids import new_id
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, joinedload

from billing_svc.domain import ledger
from billing_svc.domain.invoices import InvoiceState, number_of
from billing_svc.domain.periods import check_near, due_date, generation_date, period_before, period_of
from billing_svc.domain.pricing import PricedLine, price_line
from billing_svc.lookups import load_settings
from billing_svc.models import (
    Account,
    BillingRun,
    BillingRunItem,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    LedgerEntry,
    ReceivedPayment,
    ServiceProjection,
    Settings,
)
from billing_svc.usecases.settlement import use_credit

BATCH = 250
BILLABLE = ServiceProjection.status != ServiceStatus.TERMINATED


@dataclass
class Draft:
    """What a run will do for one subscriber, before anything is written."""

    account: Account
    outcome: ItemOutcome
    reason: str = ""
    lines: list[tuple[ServiceProjection, PricedLine]] = field(default_factory=list)
    invoice_id: str | None = None

    @property
    def total(self) -> Money:
        return total([priced.amount for _, priced in self.lines], self.currency)

    @property
    def tax(self) -> Money:
        return total([priced.tax for _, priced in self.lines], self.currency)

    @property
    def currency(self) -> str:
        """The currency of the lines. There must be at least one line."""
        return self.lines[0][1].amount.currency


def start_run(session: Session, command: StartBillingRun, *, now: datetime, today: date) -> BillingRun:
    """Create a run, which `work_on` then carries out.

    A past date selects the period, but the invoices are dated today: backdated ones could be overdue, and
    suspend services, before anyone has seen them. Raises InvalidInput for a date more than a year away.
    """
    asked_for = check_near("date", command.date or today, today)
    return _start(session, command, max(asked_for, today), period_of(asked_for), now=now)


def _start(
    session: Session,
    command: StartBillingRun,
    run_on: date,
    period: BillingPeriod,
    *,
    now: datetime,
    automatic: bool = False,
) -> BillingRun:
    run = BillingRun(
        id=new_id(),
        run_on=run_on,
        period_start=period.start,
        period_end=period.end,
        dry_run=command.dry_run,
        automatic=automatic,
        status=RunStatus.RUNNING,
        total=session.scalar(select(func.count(ServiceProjection.subscriber_id.distinct())).where(BILLABLE)),
        created=0,
        skipped=0,
        failed=0,
        amount_minor=0,
        started_by=command.actor,
        started_at=now,
    )
    session.add(run)
    return run


def find_due_period(session: Session, today: date) -> BillingPeriod | None:
    """The period whose generation day has come and that had no automatic run yet, or None.

    If the system was down on that day, the run is made up for later, even in the following month. It is not
    if the day had already passed when the system was installed or the day was set: the operator decides then.
    """
    settings = load_settings(session)
    for period in (period_before(period_of(today)), period_of(today)):
        day = generation_date(period, settings.invoice_generation_day)
        if settings.generation_day_set_on <= day <= today and not _was_run_automatically(session, period):
            return period
    return None


def _was_run_automatically(session: Session, period: BillingPeriod) -> bool:
    run = select(BillingRun.id).where(BillingRun.automatic, BillingRun.period_start == period.start)
    return session.scalar(run.limit(1)) is not None


def start_automatic_run(session: Session, *, now: datetime, today: date) -> None:
    """Create the automatic run if one is due. Its invoices are dated today, however late the run is."""
    load_settings(session, lock=True)  # so that only one process creates it
    period = find_due_period(session, today)
    if period is not None:
        _start(session, StartBillingRun(actor="billing day"), today, period, now=now, automatic=True)


def oldest_running(session: Session) -> str | None:
    """The id of the run to work on next, or None."""
    query = select(BillingRun.id).where(BillingRun.status == RunStatus.RUNNING).order_by(BillingRun.id)
    return session.scalar(query.limit(1))


def work_on(session: Session, run_id: str, *, now: datetime) -> bool:
    """Process the next batch of a run in this transaction. False if none was left: the run is finished."""
    run = session.scalars(select(BillingRun).where(BillingRun.id == run_id).with_for_update()).one()
    if run.status is not RunStatus.RUNNING:
        return False
    subscriber_ids = _next_subscribers(session, run)
    if not subscriber_ids:
        run.status, run.finished_at = RunStatus.FINISHED, now
        return False
    settings = load_settings(session)
    drafts = _draft(session, run, settings, subscriber_ids)
    if not run.dry_run:
        _issue(session, run, settings, [draft for draft in drafts if draft.lines], now)
    _report(session, run, drafts)
    run.cursor = subscriber_ids[-1]
    return True


def fail_run(session: Session, run_id: str, error: str, *, now: datetime) -> None:
    """Mark a run as failed. Its invoices stay, and another run issues the rest."""
    session.execute(
        update(BillingRun)
        .where(BillingRun.id == run_id)
        .values(status=RunStatus.FAILED, error=error, finished_at=now)
    )


def _next_subscribers(session: Session, run: BillingRun) -> list[str]:
    query = select(ServiceProjection.subscriber_id).where(BILLABLE).distinct()
    if run.cursor is not None:
        query = query.where(ServiceProjection.subscriber_id > run.cursor)
    return list(session.scalars(query.order_by(ServiceProjection.subscriber_id).limit(BATCH)))


def _draft(
    session: Session, run: BillingRun, settings: Settings, subscriber_ids: Sequence[str]
) -> list[Draft]:
    accounts = session.scalars(
        select(Account)
        .where(Account.subscriber_id.in_(subscriber_ids))
        .order_by(Account.subscriber_id)
        .with_for_update()
    ).all()  # all locked before anything else about them is read
    services = _services_by_subscriber(session, subscriber_ids)
    billed = _already_billed(session, run, subscriber_ids)
    return [
        _draft_one(run, settings, account, services[account.subscriber_id], billed) for account in accounts
    ]


def _draft_one(
    run: BillingRun,
    settings: Settings,
    account: Account,
    services: Sequence[ServiceProjection],
    billed: dict[str, str],
) -> Draft:
    period = BillingPeriod(run.period_start, run.period_end)
    unbilled = [service for service in services if service.service_id not in billed]
    begun = [service for service in unbilled if service.activated_on < period.end]
    if not unbilled:
        numbers = ", ".join(sorted({billed[service.service_id] for service in services}))
        return Draft(account, ItemOutcome.SKIPPED, f"already invoiced for this period: {numbers}")
    if not begun:
        return Draft(account, ItemOutcome.SKIPPED, "the service starts after this period")
    foreign = [service for service in begun if service.plan.currency != settings.currency]
    if foreign:
        plan = foreign[0].plan
        reason = f"plan {plan.name} is priced in {plan.currency}, but invoices are in {settings.currency}"
        return Draft(account, ItemOutcome.FAILED, reason)
    lines = [(service, _price(service, period, settings)) for service in begun]
    charged = [(service, priced) for service, priced in lines if priced.amount.minor]
    if not charged:
        return Draft(account, ItemOutcome.SKIPPED, "nothing to charge: the price after discount is zero")
    return Draft(account, ItemOutcome.CREATED, lines=charged)


def _price(service: ServiceProjection, period: BillingPeriod, settings: Settings) -> PricedLine:
    plan = service.plan
    terms = BillingTerms.of_columns(service, plan.currency)
    return price_line(Money(plan.price_minor, plan.currency), terms, period, settings.tax_mode)


def _services_by_subscriber(
    session: Session, subscriber_ids: Sequence[str]
) -> dict[str, list[ServiceProjection]]:
    services = session.scalars(
        select(ServiceProjection)
        .where(ServiceProjection.subscriber_id.in_(subscriber_ids), BILLABLE)
        .options(joinedload(ServiceProjection.plan))
        .order_by(ServiceProjection.service_id)
    )
    grouped: dict[str, list[ServiceProjection]] = defaultdict(list)
    for service in services:
        grouped[service.subscriber_id].append(service)
    return grouped


def _already_billed(session: Session, run: BillingRun, subscriber_ids: Sequence[str]) -> dict[str, str]:
    """Service id to the number of the invoice that bills it for the period."""
    rows = session.execute(
        select(InvoiceLine.service_id, Invoice.number)
        .join(Invoice)
        .where(
            Invoice.subscriber_id.in_(subscriber_ids),
            InvoiceLine.period_start == run.period_start,
            InvoiceLine.voided.is_(False),
        )
    )
    return dict(rows.all())


def _issue(session: Session, run: BillingRun, settings: Settings, drafts: list[Draft], now: datetime) -> None:
    if not drafts:
        return
    numbers = _take_numbers(session, settings.invoice_series, len(drafts))
    rows: dict[type, list[dict[str, Any]]] = {Invoice: [], InvoiceLine: [], LedgerEntry: []}
    for draft, number in zip(drafts, numbers, strict=True):
        draft.invoice_id = new_id()
        rows[Invoice].append(_invoice_row(run, settings, draft, number, now))
        rows[InvoiceLine].extend(_line_rows(run, draft))
        rows[LedgerEntry].extend(
            ledger.invoice_issued(
                invoice_id=draft.invoice_id,
                subscriber_id=draft.account.subscriber_id,
                total=draft.total,
                tax=draft.tax,
                on=run.run_on,
                at=now,
            )
        )
    for table, values in rows.items():
        session.execute(insert(table), values)
    for subscriber_id in _with_credit(session, [draft.account.subscriber_id for draft in drafts]):
        use_credit(session, subscriber_id, now=now)


def _take_numbers(session: Session, prefix: str, count: int) -> list[str]:
    """The next numbers of the series, whose row stays locked until the transaction ends: no gaps."""
    insert_if_absent(session, InvoiceSeries, prefix=prefix, next_number=1)
    following = session.scalars(
        update(InvoiceSeries)
        .where(InvoiceSeries.prefix == prefix)
        .values(next_number=InvoiceSeries.next_number + count)
        .returning(InvoiceSeries.next_number)
    ).one()
    return [number_of(prefix, number) for number in range(following - count, following)]


def _invoice_row(
    run: BillingRun, settings: Settings, draft: Draft, number: str, now: datetime
) -> dict[str, Any]:
    return {
        "id": draft.invoice_id,
        "number": number,
        "subscriber_id": draft.account.subscriber_id,
        "subscriber_name": draft.account.full_name,
        "state": InvoiceState.OPEN,
        "collection_status": CollectionStatus.PENDING,
        "period_start": run.period_start,
        "period_end": run.period_end,
        "issued_on": run.run_on,
        "due_on": due_date(run.run_on, settings.payment_terms_days),
        "total_minor": draft.total.minor,
        "currency": draft.total.currency,
        "created_at": now,
    }


def _line_rows(run: BillingRun, draft: Draft) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "invoice_id": draft.invoice_id,
            "service_id": service.service_id,
            "description": f"{service.plan.name} ({service.pppoe_username})",
            "period_start": run.period_start,
            "period_end": run.period_end,
            "plan_id": service.plan_id,
            "plan_name": service.plan.name,
            "price_minor": priced.price.minor,
            "price_source": priced.price_source,
            "discount_minor": priced.discount_amount.minor,
            "tax_minor": priced.tax.minor,
            "amount_minor": priced.amount.minor,
            "voided": False,
        }
        for service, priced in draft.lines
    ]


def _with_credit(session: Session, subscriber_ids: Sequence[str]) -> list[str]:
    query = select(ReceivedPayment.subscriber_id).where(
        ReceivedPayment.subscriber_id.in_(subscriber_ids), ReceivedPayment.exhausted.is_(False)
    )
    return list(session.scalars(query.distinct()))


def _report(session: Session, run: BillingRun, drafts: Sequence[Draft]) -> None:
    items = [
        {
            "run_id": run.id,
            "subscriber_id": draft.account.subscriber_id,
            "subscriber_name": draft.account.full_name,
            "outcome": draft.outcome,
            "reason": draft.reason,
            "invoice_id": draft.invoice_id,
            "amount_minor": draft.total.minor if draft.lines else None,
        }
        for draft in drafts
    ]
    session.execute(insert(BillingRunItem), items)
    for draft in drafts:
        if draft.outcome is ItemOutcome.CREATED:
            run.created += 1
            run.amount_minor += draft.total.minor
        elif draft.outcome is ItemOutcome.SKIPPED:
            run.skipped += 1
        else:
            run.failed += 1
