"""The billing run: one invoice per subscriber, for its period and earlier months that are not billed yet.

Which months those are is decided in domain.months. A run is a row with a cursor. It goes through the
subscribers in batches. Each batch is one transaction that writes invoices, ledger entries, the report and the
new cursor, so a run that is killed resumes where it stopped. Two runs over the same period issue the same
invoices as one: the accounts of a batch are locked, and the database rejects a second line for the same
service and period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from contracts.billing import CollectionStatus
from contracts.billing_runs import ItemOutcome, RunStatus, StartBillingRun
from contracts.common import BillingPeriod, CommandWarning, check_confirmed
from servicekit.db import insert_if_absent, is_set, is_unset
from servicekit.ids import new_id
from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from billing_svc.domain import ledger
from billing_svc.domain.invoices import InvoiceState, number_of
from billing_svc.domain.months import due_period
from billing_svc.domain.periods import check_near, due_date, period_of
from billing_svc.lookups import last_automatic_period, load_settings
from billing_svc.models import (
    BillingRun,
    BillingRunItem,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    ReceivedPayment,
    ServiceProjection,
    Settings,
)
from billing_svc.usecases import books
from billing_svc.usecases.drafts import Draft, draft_batch, in_scope
from billing_svc.usecases.settlement import use_credit

BATCH = 250


def start_run(session: Session, command: StartBillingRun, *, now: datetime, today: date) -> BillingRun:
    """Create a run, which `work_on` then carries out.

    A past date selects the period, but the invoices are dated today: backdated ones could be overdue, and
    suspend services, before anyone has seen them. Raises InvalidInput for a date more than a year away, and
    NeedsConfirmation for a period later than the coming month: that is usually a typing mistake.
    """
    asked_for = check_near("date", command.date or today, today)
    if not command.dry_run:
        check_confirmed(command, _far_ahead(period_of(asked_for), today))
    return _start(session, command, period_of(asked_for), on=max(asked_for, today), now=now, today=today)


def _far_ahead(period: BillingPeriod, today: date) -> list[CommandWarning]:
    if period.start <= period_of(today).end:
        return []
    month = f"{period.start:%B %Y}"
    message = f"{month} is later than the coming month. Its invoices would be created now, dated {month}."
    return [CommandWarning("future_month", message, {"type": month})]


def _start(
    session: Session,
    command: StartBillingRun,
    period: BillingPeriod,
    *,
    on: date,
    now: datetime,
    today: date,
    automatic: bool = False,
) -> BillingRun:
    run = BillingRun(
        id=new_id(),
        run_on=on,
        period_start=period.start,
        period_end=period.end,
        catch_up_until=period_of(today).start,
        first_month=load_settings(session).first_month,
        subscriber_id=command.subscriber_id,
        voided_too=command.voided_too,
        same_login_too=command.same_login_too,
        dry_run=command.dry_run,
        automatic=automatic,
        status=RunStatus.RUNNING,
        created=0,
        skipped=0,
        failed=0,
        amount_minor=0,
        own_invoices=0,
        own_minor=0,
        started_by=command.actor,
        started_at=now,
    )
    subscribers = select(func.count(ServiceProjection.subscriber_id.distinct())).where(in_scope(run))
    run.total = session.scalar(subscribers) or 0
    session.add(run)
    return run


def find_due_period(session: Session, today: date) -> BillingPeriod | None:
    """The period whose automatic run is due (domain.months.due_period), or None."""
    settings = load_settings(session)
    return due_period(
        today,
        settings.invoice_generation_day,
        settings.generation_day_set_on,
        last_automatic_period(session),
    )


def start_automatic_run(session: Session, *, now: datetime, today: date) -> None:
    """Create the automatic run if one is due. Its invoices are dated today, however late the run is."""
    load_settings(session, lock=True)  # so that only one process creates it
    period = find_due_period(session, today)
    if period is not None:
        command = StartBillingRun(actor="billing day")
        _start(session, command, period, on=today, now=now, today=today, automatic=True)


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
    drafts = draft_batch(session, run, settings, subscriber_ids)
    if not run.dry_run:
        _issue(session, run, settings, [draft for draft in drafts if draft.lines], now)
        _record_decided(session, drafts)
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
    query = select(ServiceProjection.subscriber_id).where(in_scope(run)).distinct()
    if run.cursor is not None:
        query = query.where(ServiceProjection.subscriber_id > run.cursor)
    return list(session.scalars(query.order_by(ServiceProjection.subscriber_id).limit(BATCH)))


def _record_decided(session: Session, drafts: Sequence[Draft]) -> None:
    """Store what was decided, with a statement for all services of the same state: usually one."""
    changed: dict[tuple[date | None, date | None, bool], list[str]] = defaultdict(list)
    for draft in drafts:
        for one in draft.decided:
            if one.is_change:
                changed[one.billed_until, one.decided_from, one.closed].append(one.service.service_id)
    for (billed_until, decided_from, closed), service_ids in changed.items():
        session.execute(
            update(ServiceProjection)
            .where(ServiceProjection.service_id.in_(service_ids))
            .values(billed_until=billed_until, decided_from=decided_from, closed=closed, upgraded_in=None)
            .execution_options(synchronize_session=False)
        )
    reopened = [pair for draft in drafts for pair in draft.reopened]
    if reopened:
        session.execute(
            update(InvoiceLine)
            .where(
                is_set(InvoiceLine.reopened),
                tuple_(InvoiceLine.service_id, InvoiceLine.period_start).in_(reopened),
            )
            .values(reopened=False)
            .execution_options(synchronize_session=False)
        )


def _issue(session: Session, run: BillingRun, settings: Settings, drafts: list[Draft], now: datetime) -> None:
    if not drafts:
        return
    numbers = _take_numbers(session, settings.invoice_series, len(drafts))
    rows: dict[type, list[dict[str, Any]]] = {Invoice: [], InvoiceLine: []}
    entries: list[dict[str, Any]] = []
    for draft, number in zip(drafts, numbers, strict=True):
        draft.invoice_id = new_id()
        rows[Invoice].append(_invoice_row(run, settings, draft, number, now))
        rows[InvoiceLine].extend(_line_rows(draft))
        entries.extend(
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
    books.enter(session, entries)
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
        "period_start": draft.period.start,
        "period_end": draft.period.end,
        "issued_on": run.run_on,
        "due_on": due_date(run.run_on, settings.payment_terms_days),
        "total_minor": draft.total.minor,
        "currency": draft.total.currency,
        "created_at": now,
    }


def _line_rows(draft: Draft) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "invoice_id": draft.invoice_id,
            "service_id": line.service.service_id,
            "description": f"{line.service.plan.name} ({line.service.pppoe_username})",
            "period_start": line.period.start,
            "period_end": line.period.end,
            "plan_id": line.service.plan_id,
            "plan_name": line.service.plan.name,
            "price_minor": line.priced.price.minor,
            "price_source": line.priced.price_source,
            "discount_minor": line.priced.discount_amount.minor,
            "tax_minor": line.priced.tax.minor,
            "amount_minor": line.priced.amount.minor,
            "voided": False,
            "reopened": False,
        }
        for line in draft.lines
    ]


def _with_credit(session: Session, subscriber_ids: Sequence[str]) -> list[str]:
    query = select(ReceivedPayment.subscriber_id).where(
        ReceivedPayment.subscriber_id.in_(subscriber_ids), is_unset(ReceivedPayment.exhausted)
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
            own = [line.priced.amount.minor for line in draft.lines if line.period.start == run.period_start]
            run.own_invoices += bool(own)
            run.own_minor += sum(own)
        elif draft.outcome is ItemOutcome.SKIPPED:
            run.skipped += 1
        else:
            run.failed += 1
