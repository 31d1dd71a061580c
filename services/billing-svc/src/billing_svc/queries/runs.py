"""Billing runs and their reports."""

from __future__ import annotations

from dataclasses import replace

from contracts.billing import BillingRunView, ItemOutcome, PeriodTotals, RunItem
from contracts.common import BillingPeriod, NotFound, Page
from contracts.money import DEFAULT_CURRENCY, Money
from servicekit.paging import page_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.periods import period_before
from billing_svc.models import BillingRun, BillingRunItem, Invoice


def get_billing_run(session: Session, run_id: str) -> BillingRunView:
    """With what was billed for the period before, to compare. Raises NotFound."""
    run = session.get(BillingRun, run_id)
    if run is None:
        raise NotFound(f"there is no billing run {run_id}")
    view = run_view(run)
    return replace(view, previous=_totals(session, period_before(view.period)))


def _totals(session: Session, period: BillingPeriod) -> PeriodTotals:
    billed = select(func.count(), func.sum(Invoice.total_minor)).where(
        Invoice.period_start == period.start, Invoice.state != InvoiceState.VOID
    )
    invoices, minor = session.execute(billed).one()
    return PeriodTotals(period, invoices, Money(int(minor or 0)))


def list_billing_runs(session: Session, limit: int, after: str | None) -> Page[BillingRunView]:
    return page_of(session, select(BillingRun), BillingRun.id, run_view, limit=limit, after=after)


def list_billing_run_items(
    session: Session, run_id: str, outcome: ItemOutcome | None, limit: int, after: str | None
) -> Page[RunItem]:
    query = select(BillingRunItem).where(BillingRunItem.run_id == run_id)
    if outcome is not None:
        query = query.where(BillingRunItem.outcome == outcome)
    return page_of(session, query, BillingRunItem.subscriber_id, _item_view, limit=limit, after=after)


def run_view(run: BillingRun) -> BillingRunView:
    return BillingRunView(
        id=run.id,
        date=run.run_on,
        period=BillingPeriod(run.period_start, run.period_end),
        dry_run=run.dry_run,
        status=run.status,
        total=run.total,
        created=run.created,
        skipped=run.skipped,
        failed=run.failed,
        amount=Money(run.amount_minor, DEFAULT_CURRENCY),
        error=run.error,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def _item_view(item: BillingRunItem) -> RunItem:
    return RunItem(
        subscriber_id=item.subscriber_id,
        subscriber_name=item.subscriber_name,
        outcome=item.outcome,
        reason=item.reason,
        invoice_id=item.invoice_id,
        amount=None if item.amount_minor is None else Money(item.amount_minor),
    )
