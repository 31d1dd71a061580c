"""Rows to contract views, for queries and use cases alike."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

from contracts.billing import AllocationView, InvoiceLineView, InvoiceStatus, InvoiceSummary, LedgerEntryView
from contracts.billing_runs import BillingRunView, RunItem
from contracts.billing_settings import BillingSettings
from contracts.common import BillingPeriod
from contracts.holds import ExemptionView
from contracts.money import Money

from billing_svc.domain.invoices import InvoiceState, shown_status
from billing_svc.domain.periods import days_overdue
from billing_svc.models import (
    Allocation,
    BillingRun,
    BillingRunItem,
    ExemptionProjection,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    Settings,
)


def settings_view(settings: Settings) -> BillingSettings:
    stored = [field.name for field in fields(BillingSettings) if field.name != "edit"]
    return BillingSettings(**{name: getattr(settings, name) for name in stored}, edit=settings.last_edit)


def invoice_summary(invoice: Invoice, paid_minor: int, today: date) -> InvoiceSummary:
    total = Money(invoice.total_minor, invoice.currency)
    balance = total - Money(paid_minor, invoice.currency)
    if invoice.state is InvoiceState.VOID:
        balance = Money(0, invoice.currency)
    status = shown_status(invoice.state, total=total, balance=balance, due_on=invoice.due_on, today=today)
    late = days_overdue(invoice.due_on, today) if status is InvoiceStatus.OVERDUE else 0
    return InvoiceSummary(
        id=invoice.id,
        number=invoice.number,
        subscriber_id=invoice.subscriber_id,
        subscriber_name=invoice.subscriber_name,
        status=status,
        collection_status=invoice.collection_status,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        days_overdue=late,
        period=BillingPeriod(invoice.period_start, invoice.period_end),
        total=total,
        balance=balance,
    )


def line_view(line: InvoiceLine, currency: str) -> InvoiceLineView:
    return InvoiceLineView(
        service_id=line.service_id,
        description=line.description,
        period=BillingPeriod(line.period_start, line.period_end),
        plan_name=line.plan_name,
        price=Money(line.price_minor, currency),
        price_source=line.price_source,
        discount_amount=Money(line.discount_minor, currency),
        tax=Money(line.tax_minor, currency),
        amount=Money(line.amount_minor, currency),
    )


def allocation_view(allocation: Allocation, invoice_number: str, currency: str) -> AllocationView:
    return AllocationView(
        id=allocation.id,
        payment_id=allocation.payment_id,
        invoice_id=allocation.invoice_id,
        invoice_number=invoice_number,
        amount=Money(allocation.amount_minor, currency),
        allocated_at=allocation.allocated_at,
    )


def exemption_view(exemption: ExemptionProjection) -> ExemptionView:
    return ExemptionView(**{field.name: getattr(exemption, field.name) for field in fields(ExemptionView)})


def entry_view(entry: LedgerEntry) -> LedgerEntryView:
    return LedgerEntryView(
        id=entry.id,
        subscriber_id=entry.subscriber_id,
        debit_account=entry.debit_account,
        credit_account=entry.credit_account,
        amount=Money(entry.amount_minor, entry.currency),
        kind=entry.kind,
        source_id=entry.source_id,
        effective_on=entry.effective_on,
        recorded_at=entry.recorded_at,
    )


def run_view(run: BillingRun, currency: str) -> BillingRunView:
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
        amount=Money(run.amount_minor, currency),
        error=run.error,
        started_at=run.started_at,
        finished_at=run.finished_at,
        subscriber_id=run.subscriber_id,
        first_month=run.first_month,
        voided_too=run.voided_too,
        same_login_too=run.same_login_too,
    )


def run_item(item: BillingRunItem, currency: str) -> RunItem:
    return RunItem(
        subscriber_id=item.subscriber_id,
        subscriber_name=item.subscriber_name,
        outcome=item.outcome,
        reason=item.reason,
        invoice_id=item.invoice_id,
        amount=None if item.amount_minor is None else Money(item.amount_minor, currency),
    )
