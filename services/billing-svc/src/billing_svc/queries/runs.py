"""Billing runs and their reports. Lists are paged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

from contracts.billing_runs import BillingRunView, ItemOutcome, NextRun, PeriodTotals, RunItem, RunStatus
from contracts.billing_settings import SETTINGS
from contracts.common import BillingPeriod, Page
from contracts.money import Money
from servicekit import loading
from servicekit.db import is_unset
from servicekit.paging import page_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.months import months_without_a_run, next_run
from billing_svc.domain.periods import period_before, period_of
from billing_svc.lookups import last_automatic_period, load_settings
from billing_svc.models import BillingRun, BillingRunItem, Invoice, InvoiceLine
from billing_svc.views import run_item, run_view


def get_billing_run(session: Session, run_id: str) -> BillingRunView:
    """A run. Once it is over, with its whole month and the one before, for comparison. Raises NotFound."""
    currency = load_settings(session).currency
    run = loading.get(session, BillingRun, run_id)
    view = replace(run_view(run, currency), voided=_voided(session, run_id))
    if run.status is RunStatus.RUNNING:
        return view
    month = _totals(session, view.period, currency)
    if run.dry_run:  # what it shows is not among the invoices
        own = Money(run.own_minor, currency)
        month = replace(month, invoices=month.invoices + run.own_invoices, amount=month.amount + own)
    return replace(view, month=month, previous=_totals(session, period_before(view.period), currency))


def _totals(session: Session, period: BillingPeriod, currency: str) -> PeriodTotals:
    """What is billed for a month, also by invoices that are for several months."""
    billed = select(func.count(InvoiceLine.invoice_id.distinct()), func.sum(InvoiceLine.amount_minor)).where(
        InvoiceLine.period_start == period.start, is_unset(InvoiceLine.voided)
    )
    invoices, minor = session.execute(billed).one()
    return PeriodTotals(period, invoices, Money(int(minor or 0), currency))


def _voided(session: Session, run_id: str) -> int:
    of_run = select(BillingRunItem.invoice_id).where(BillingRunItem.run_id == run_id)
    voided = select(func.count()).where(Invoice.id.in_(of_run), Invoice.state == InvoiceState.VOID)
    return session.scalar(voided) or 0


def get_next_run(session: Session, invoice_generation_day: int | None, today: date) -> NextRun:
    """The next automatic run, as if the setting were changed today if it is given and different.

    Raises InvalidInput for a day that the setting does not accept.
    """
    settings = load_settings(session)
    day, set_on = settings.invoice_generation_day, settings.generation_day_set_on
    if invoice_generation_day is not None and invoice_generation_day != day:
        SETTINGS["invoice_generation_day"].check("invoice_generation_day", invoice_generation_day)
        day, set_on = invoice_generation_day, today
    last_run = last_automatic_period(session)
    runs_on, period = next_run(today, day, set_on, last_run)
    began_in = period_of(settings.generation_day_set_on).start
    missed = months_without_a_run(period, last_run, began_in)
    return NextRun(runs_on, period, [period_of(month) for month in missed])


def list_billing_runs(session: Session, limit: int, after: str | None) -> Page[BillingRunView]:
    view = partial(run_view, currency=load_settings(session).currency)
    return page_of(session, select(BillingRun), BillingRun.id, view, limit=limit, after=after)


def list_billing_run_items(
    session: Session, run_id: str, outcome: ItemOutcome | None, limit: int, after: str | None
) -> Page[RunItem]:
    query = select(BillingRunItem).where(BillingRunItem.run_id == run_id)
    if outcome is not None:
        query = query.where(BillingRunItem.outcome == outcome)
    view = partial(run_item, currency=load_settings(session).currency)
    return page_of(session, query, BillingRunItem.subscriber_id, view, limit=limit, after=after)
