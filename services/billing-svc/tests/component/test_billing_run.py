"""Billing runs: every subscriber gets exactly one invoice per period, whatever happens to the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from billing_svc import jobs
from billing_svc.models import Invoice, InvoiceLine, LedgerEntry
from billing_svc.service import BillingService
from billing_svc.usecases import billing_run, settlement
from contracts.billing import Billing, InvoiceStatus, PriceSource
from contracts.billing_runs import ItemOutcome, RunStatus, StartBillingRun
from contracts.billing_settings import TaxMode
from contracts.common import BillingPeriod, InvalidInput
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import ServiceStatus
from servicekit import leases
from sqlalchemy import exc, func, select
from testkit.component import client_of, while_held

NOVEMBER = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))


def count(billing, table) -> int:
    with billing.runtime.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def numbers(billing) -> list[str]:
    return [invoice.number for invoice in billing.invoices()]


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
    assert numbers(billing) == ["INV-000001"]


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


def test_service_added_later_in_the_period_gets_its_own_invoice(billing):
    juan = billing.subscriber()
    billing.bill()
    second = billing.service(juan)
    billing.bill()
    first_invoice, second_invoice = billing.invoices(juan)
    assert [line.service_id for line in second_invoice.lines] == [second.id]
    assert len(first_invoice.lines) == 1


def test_issued_invoice_does_not_change_with_the_plan(billing):
    juan = billing.subscriber()
    (service,) = billing.services[juan]
    billing.bill()
    before = billing.invoice(juan)

    dearer = replace(billing.fiber, version=2, price=Money(200_000), name="Fiber Plus")
    billing.handle_plan(dearer)
    billing.change_service(service, plan=dearer, billing_terms=BillingTerms(Money(1_000)))
    billing.handle_name(juan, "Juan Cruz", version=2)

    assert billing.invoice(juan) == before
    assert before.lines[0].plan_name == "Fiber 50 Mbps"


def test_new_price_applies_to_later_invoices(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.handle_plan(replace(billing.fiber, version=2, price=Money(200_000)))
    billing.move_to(date(2026, 12, 1))
    billing.bill()
    assert [invoice.total.minor for invoice in billing.invoices(juan)] == [150_000, 200_000]


def test_discount_on_an_individual_price_ends_with_its_period(billing):
    terms = BillingTerms(Money(120_050), Discount(DiscountKind.PERCENT, 1_050, until=date(2026, 12, 31)))
    juan = billing.subscriber(billing_terms=terms)
    for day in (date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 1)):
        billing.move_to(day)
        billing.bill()
    november, december, january = (invoice.lines[0] for invoice in billing.invoices(juan))
    # 10.5 % of 120,050 is 12,605.25
    assert (november.price, november.discount_amount, november.amount) == (
        Money(120_050),
        Money(12_605),
        Money(107_445),
    )
    assert november.price_source is PriceSource.INDIVIDUAL
    assert december.amount == november.amount
    assert (january.discount_amount, january.amount) == (Money(0), Money(120_050))


def test_individual_price_of_zero_is_not_the_plan_price(billing):
    free = billing.subscriber("Barangay hall", billing_terms=BillingTerms(Money(0)))
    run = billing.bill()
    assert billing.items(run.id)[free].outcome is ItemOutcome.SKIPPED
    assert billing.invoices(free) == []


def test_vat_is_shown_and_booked_separately(billing):
    billing.set(tax_mode=TaxMode.VAT_INCLUSIVE)
    juan = billing.subscriber("Juan", billing.plan(112_000))
    billing.bill()
    assert billing.invoice(juan).lines[0].tax == Money(12_000)
    with billing.runtime.reading() as session:
        booked = session.execute(select(LedgerEntry.credit_account, LedgerEntry.amount_minor)).all()
    assert sorted(map(tuple, booked)) == [("revenue", 100_000), ("tax_payable", 12_000)]


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


def test_service_activated_on_the_last_day_is_billed_in_full(billing):
    juan = billing.subscriber(activated_on=date(2026, 11, 30))
    billing.bill()
    assert billing.invoice(juan).total == Money(150_000)


def test_dry_run_writes_only_its_report(billing):
    juan = billing.subscriber()
    billing.pay(juan, 5_000)
    billing.new_events()
    run = billing.bill(dry_run=True)
    assert (run.created, run.amount) == (1, Money(150_000))
    assert billing.items(run.id)[juan].amount == Money(150_000)
    assert billing.items(run.id)[juan].invoice_id is None
    assert (count(billing, Invoice), count(billing, InvoiceLine), count(billing, LedgerEntry)) == (0, 0, 1)
    assert billing.account(juan).credit == Money(5_000)
    assert billing.new_events() == []

    billing.bill()
    assert numbers(billing) == ["INV-000001"]


def test_credit_pays_the_new_invoice(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.pay(juan, 40_000)
    billing.pay(juan, 70_000)
    billing.pay(maria, 150_000)
    billing.bill()
    assert billing.invoice(juan).status is InvoiceStatus.PARTIALLY_PAID
    assert billing.invoice(juan).balance == Money(40_000)
    assert billing.invoice(maria).status is InvoiceStatus.PAID
    assert billing.account(maria).credit == Money(0)
    assert billing.ledger_check().differences == []


# Interruptions and concurrency


def test_run_killed_between_batches_resumes_and_bills_everyone_once(billing, monkeypatch):
    subscribers = [billing.subscriber(f"Subscriber {number}") for number in range(7)]
    monkeypatch.setattr(billing_run, "BATCH", 2)
    run_id = billing.start_run()
    work_on, done = billing_run.work_on, []

    def killed_in_the_third_batch(session, *args, **kwargs):
        more = work_on(session, *args, **kwargs)
        done.append(more)
        if len(done) == 3:
            raise exc.OperationalError("commit", None, Exception("the server closed the connection"))
        return more

    monkeypatch.setattr(billing_run, "work_on", killed_in_the_third_batch)
    with pytest.raises(exc.OperationalError):
        billing.tick()
    halfway = billing.run(run_id)
    assert (halfway.status, halfway.created) == (RunStatus.RUNNING, 4)
    assert len(billing.invoices()) == 4

    billing.tick("this process")
    finished = billing.run(run_id)
    assert (finished.status, finished.created, finished.total) == (RunStatus.FINISHED, 7, 7)
    assert sorted(invoice.subscriber_id for invoice in billing.invoices()) == sorted(subscribers)
    assert numbers(billing) == [f"INV-{number:06d}" for number in range(1, 8)]
    assert billing.ledger_check().differences == []


@pytest.mark.parametrize(
    "trouble",
    [
        exc.OperationalError("x", None, Exception("database is locked")),
        exc.InterfaceError("x", None, Exception("connection already closed")),
        exc.TimeoutError("QueuePool limit of size 10 overflow 10 reached"),
        leases.LeaseTaken("another process took over the run"),
    ],
    ids=lambda trouble: type(trouble).__module__ + "." + type(trouble).__name__,
)
def test_run_resumes_after_database_trouble_or_a_lost_lease(billing, monkeypatch, trouble):
    billing.subscriber()
    run_id = billing.start_run()
    with monkeypatch.context() as patch:

        def fail(*_args, **_kwargs):
            raise trouble

        patch.setattr(billing_run, "work_on", fail)
        with pytest.raises(type(trouble)):
            billing.tick()
    assert billing.run(run_id).status is RunStatus.RUNNING
    billing.tick()
    assert billing.run(run_id).status is RunStatus.FINISHED


def test_failed_run_shows_its_error_and_leaves_no_gap_in_numbers(billing, monkeypatch):
    for number in range(4):
        billing.subscriber(f"Subscriber {number}")
    monkeypatch.setattr(billing_run, "BATCH", 2)
    report, calls = billing_run._report, []

    def fail_in_the_second_batch(*args):
        calls.append(args)
        if len(calls) == 2:
            raise ZeroDivisionError("a bug")
        report(*args)

    monkeypatch.setattr(billing_run, "_report", fail_in_the_second_batch)
    failed = billing.bill()
    assert (failed.status, failed.error, failed.created) == (RunStatus.FAILED, "ZeroDivisionError: a bug", 2)

    rest = billing.bill()
    assert (rest.created, rest.skipped) == (2, 2)
    assert numbers(billing) == ["INV-000001", "INV-000002", "INV-000003", "INV-000004"]


def test_only_the_process_with_the_lease_works_on_a_run(billing):
    billing.subscriber()
    run_id = billing.start_run()
    with billing.runtime.transaction() as session:
        assert leases.take(session, jobs.RUN_LEASE, "another process", timedelta(seconds=30))
    billing.tick("this process")
    assert billing.run(run_id).status is RunStatus.RUNNING
    with billing.runtime.transaction() as session:
        leases.release(session, jobs.RUN_LEASE, "another process")
    billing.tick("this process")
    assert billing.run(run_id).status is RunStatus.FINISHED


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_concurrent_runs_bill_everyone_once(billing):
    for number in range(3):
        billing.subscriber(f"Subscriber {number}")
    first, second = billing.start_run(), billing.start_run()
    replica = billing.tested.another().runtime

    def second_replica():
        more = True
        while more:
            with replica.transaction() as session:
                more = billing_run.work_on(session, second, now=replica.now())

    while_held(
        billing.tested,
        lambda session: billing_run.work_on(session, first, now=billing.runtime.now()),
        second_replica,
    )
    billing.tick()
    assert numbers(billing) == ["INV-000001", "INV-000002", "INV-000003"]
    assert (billing.run(first).created, billing.run(second).created) == (3, 0)
    assert billing.run(second).skipped == 3


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_replicas_process_each_batch_once(billing, monkeypatch):
    monkeypatch.setattr(billing_run, "BATCH", 2)
    for number in range(4):
        billing.subscriber(f"Subscriber {number}")
    run_id = billing.start_run()
    replica = billing.tested.another().runtime

    def other():
        with replica.transaction() as session:
            return billing_run.work_on(session, run_id, now=replica.now())

    def batch(session):
        billing_run.work_on(session, run_id, now=billing.runtime.now())

    assert while_held(billing.tested, batch, other)
    assert billing.run(run_id).created == 4
    assert len(numbers(billing)) == 4


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_during_a_batch_pays_the_new_invoice(billing):
    juan = billing.subscriber()
    run_id = billing.start_run()
    replica = billing.tested.another()
    payment = billing.payment(juan, 150_000)

    def pay():
        with replica.runtime.transaction() as session:
            settlement.apply_payment(session, payment, now=replica.runtime.now(), today=billing.today)

    while_held(
        billing.tested,
        lambda session: billing_run.work_on(session, run_id, now=billing.runtime.now()),
        pay,
    )
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    assert billing.account(juan).credit == Money(0)


# The automatic run


def automatic_runs(billing) -> list[tuple[date, date]]:
    """Date and beginning of the period of each automatic run, oldest first."""
    with billing.runtime.reading() as session:
        rows = session.execute(
            select(billing_run.BillingRun.run_on, billing_run.BillingRun.period_start)
            .where(billing_run.BillingRun.automatic)
            .order_by(billing_run.BillingRun.id)
        )
        return [tuple(row) for row in rows]


def test_automatic_run_starts_once_on_the_generation_day(billing):
    juan = billing.subscriber()
    billing.tick()
    assert automatic_runs(billing) == []  # installed after the generation day of November
    billing.move_to(date(2026, 11, 30), time(23, 59, 59))
    billing.tick()
    assert automatic_runs(billing) == []
    billing.move_to(date(2026, 12, 1), time(0, 0))
    for _ in range(3):
        billing.tick()
    assert automatic_runs(billing) == [(date(2026, 12, 1), date(2026, 12, 1))]
    assert billing.invoice(juan).due_on == date(2026, 12, 16)
    billing.move_to(date(2026, 12, 31), time(23, 59))
    billing.tick()
    assert len(automatic_runs(billing)) == 1


def test_missed_automatic_run_is_made_up_for(billing):
    billing.subscriber()
    billing.move_to(date(2026, 12, 9))
    billing.tick()
    assert automatic_runs(billing) == [(date(2026, 12, 9), date(2026, 12, 1))]


def test_missed_automatic_run_is_made_up_for_in_the_next_month(billing):
    """Down from the 27th, with generation on the 28th: the month must still be billed."""
    juan = billing.subscriber()
    billing.set(invoice_generation_day=28)
    billing.move_to(date(2026, 12, 2))
    billing.tick()
    assert automatic_runs(billing) == [(date(2026, 12, 2), date(2026, 11, 1))]
    invoice = billing.invoice(juan)
    assert (invoice.period, invoice.issued_on, invoice.due_on) == (
        NOVEMBER,
        date(2026, 12, 2),
        date(2026, 12, 17),
    )
    billing.move_to(date(2026, 12, 28))
    billing.tick()
    assert automatic_runs(billing)[1:] == [(date(2026, 12, 28), date(2026, 12, 1))]


def test_generation_day_set_to_the_past_starts_no_run(billing):
    billing.subscriber()
    billing.set(invoice_generation_day=28)
    billing.set(invoice_generation_day=10)
    billing.tick()
    assert automatic_runs(billing) == []
    billing.move_to(date(2026, 12, 10))
    billing.tick()
    assert automatic_runs(billing) == [(date(2026, 12, 10), date(2026, 12, 1))]


def test_later_generation_day_does_not_bill_the_period_twice(billing):
    juan = billing.subscriber()
    billing.move_to(date(2026, 12, 1))
    billing.tick()
    billing.set(invoice_generation_day=20)
    billing.move_to(date(2026, 12, 20))
    billing.tick()
    assert len(automatic_runs(billing)) == 1
    assert len(billing.invoices(juan)) == 1


def test_automatic_run_bills_what_a_manual_run_left(billing):
    juan = billing.subscriber("Juan")
    billing.set(invoice_generation_day=28)
    billing.bill()
    maria = billing.subscriber("Maria")
    billing.move_to(date(2026, 11, 28))
    billing.tick()
    assert len(billing.invoices(juan)) == len(billing.invoices(maria)) == 1


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_replicas_start_one_automatic_run(billing):
    billing.subscriber()
    billing.move_to(date(2026, 12, 1))
    replica = billing.tested.another().runtime

    def start(session):
        billing_run.start_automatic_run(session, now=replica.now(), today=date(2026, 12, 1))

    def other():
        with replica.transaction() as session:
            start(session)

    while_held(billing.tested, start, other)
    assert len(automatic_runs(billing)) == 1


def test_generation_day_is_in_the_time_zone_of_the_isp(billing):
    """16:00 UTC is midnight in Manila."""
    billing.subscriber()
    billing.tested.clock.instant = billing.tested.clock.instant.replace(
        month=11, day=30, hour=15, minute=59, second=59
    )
    billing.tick()
    assert automatic_runs(billing) == []
    billing.tested.clock.advance(seconds=1)
    billing.tick()
    assert automatic_runs(billing) == [(date(2026, 12, 1), date(2026, 12, 1))]


def test_leap_day_belongs_to_its_period(billing):
    billing.move_to(date(2028, 2, 29))
    juan = billing.subscriber()
    billing.bill()
    invoice = billing.invoice(juan)
    assert invoice.period == BillingPeriod(date(2028, 2, 1), date(2028, 3, 1))
    assert invoice.due_on == date(2028, 3, 15)


def test_same_idempotency_key_starts_one_run(billing):
    api = client_of(Billing, BillingService, billing.runtime)
    command = StartBillingRun(idempotency_key="click", actor="ana")
    assert api.start_billing_run(command) == api.start_billing_run(command)
    assert len(billing.runs()) == 1
