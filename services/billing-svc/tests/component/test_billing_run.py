"""Billing runs: every subscriber gets exactly one invoice per period, whatever happens to the run."""

from __future__ import annotations

from datetime import date

import pytest
from billing_svc.models import Invoice, InvoiceLine, LedgerEntry
from billing_svc.service import BillingService
from contracts.billing import Billing, InvoiceStatus
from contracts.billing_runs import ItemOutcome, RunStatus, StartBillingRun
from contracts.common import BillingPeriod, InvalidInput
from contracts.money import Money
from contracts.subscriber import ServiceStatus
from testkit.component import client_of

NOVEMBER = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))


def test_one_invoice_per_subscriber_with_one_line_per_service(billing):
    juan = billing.subscriber("Juan dela Cruz")
    maria = billing.subscriber("Maria Santos", billing.fiber, billing.plan(99_900, name="Fiber 20 Mbps"))

    run = billing.bill()

    assert (run.status, run.total, run.created, run.skipped, run.failed) == (RunStatus.FINISHED, 2, 2, 0, 0)
    assert run.amount == Money(150_000 + 249_900)
    invoice = billing.invoice(juan)
    assert (invoice.status, invoice.total, invoice.balance) == (
        InvoiceStatus.SENT,
        Money(150_000),
        Money(150_000),
    )
    assert (invoice.issued_on, invoice.due_on, invoice.period) == (
        date(2026, 11, 23),
        date(2026, 12, 8),
        NOVEMBER,
    )
    assert sorted(line.amount.minor for line in billing.invoice(maria).lines) == [99_900, 150_000]
    assert billing.invoice(maria).subscriber_name == "Maria Santos"
    assert billing.ledger_check().differences == []


def test_second_run_skips_invoiced_subscribers_with_a_reason(billing):
    juan = billing.subscriber()
    billing.bill()
    again = billing.bill()
    assert (again.created, again.skipped) == (0, 1)
    item = billing.items(again.id)[juan]
    assert item.outcome is ItemOutcome.SKIPPED
    assert item.reason == "already invoiced for this period: INV-000001"
    assert billing.numbers() == ["INV-000001"]


def test_run_for_a_past_date_issues_invoices_today(billing):
    """An invoice that is overdue when issued could suspend someone who never had a chance to pay it."""
    billing.set(grace_period_days=0)
    juan = billing.subscriber(activated_on=date(2026, 9, 1))
    billing.bill(date(2026, 9, 1))
    invoice = billing.invoice(juan)
    assert invoice.period.start == date(2026, 9, 1)
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 11, 23), date(2026, 12, 8))
    assert billing.collect().items == []


def test_run_for_a_future_date_issues_invoices_on_that_date(billing):
    juan = billing.subscriber(billed_from=date(2026, 12, 1))
    billing.bill(date(2026, 12, 1))
    invoice = billing.invoice(juan)
    assert invoice.period.start == date(2026, 12, 1)
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 12, 1), date(2026, 12, 16))


def test_run_without_subscribers_finishes(billing):
    run = billing.bill()
    assert (run.status, run.total, run.created) == (RunStatus.FINISHED, 0, 0)


@pytest.mark.parametrize("day", [date.min, date.max, date(2126, 11, 23), date(2025, 11, 21)])
def test_date_more_than_a_year_away_is_refused(billing, day):
    with pytest.raises(InvalidInput) as refused:
        billing.start_run(day)
    assert [wrong.field for wrong in refused.value.errors] == ["date"]


def test_report_says_why_a_subscriber_is_not_billed(billing):
    later = billing.subscriber("Later", activated_on=date(2026, 12, 1))
    free = billing.subscriber("Free", billing.plan(0))
    dollars = billing.subscriber("Dollars", billing.plan(1, price=Money(2_000, "USD"), name="Dollar plan"))
    gone = billing.subscriber("Gone")
    billing.terminate(billing.services[gone][0])
    suspended = billing.subscriber("Suspended")
    billing.change_service(billing.services[suspended][0], status=ServiceStatus.SUSPENDED)

    run = billing.bill()

    items = billing.items(run.id)
    assert items[later].reason == "the service starts after this period"
    assert items[free].reason == "nothing to charge: the price after discount is zero"
    assert items[dollars].outcome is ItemOutcome.FAILED
    assert items[dollars].reason == "plan Dollar plan is priced in USD, but invoices are in PHP"
    assert items[gone].reason == (
        f"Nov 2026 not billed for {billing.services[gone][0].pppoe_username}: terminated on its first day"
    )
    assert items[suspended].outcome is ItemOutcome.CREATED
    assert (run.total, run.created, run.skipped, run.failed) == (5, 1, 3, 1)
    assert gone not in billing.items(billing.bill().id)


def test_dry_run_writes_only_its_report(billing):
    juan = billing.subscriber()
    billing.pay(juan, 5_000)
    billing.new_events()
    run = billing.bill(dry_run=True)
    assert (run.created, run.amount) == (1, Money(150_000))
    assert billing.items(run.id)[juan].amount == Money(150_000)
    assert billing.items(run.id)[juan].invoice_id is None
    assert (billing.count(Invoice), billing.count(InvoiceLine), billing.count(LedgerEntry)) == (0, 0, 1)
    assert billing.account(juan).credit == Money(5_000)
    assert billing.new_events() == []

    billing.bill()
    assert billing.numbers() == ["INV-000001"]


def test_same_idempotency_key_starts_one_run(billing):
    api = client_of(Billing, BillingService, billing.runtime)
    command = StartBillingRun(idempotency_key="click", actor="ana")
    assert api.start_billing_run(command) == api.start_billing_run(command)
    assert len(billing.runs()) == 1
