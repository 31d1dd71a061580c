"""What every implementation of the billing contract must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.billing import AccountEventKind, ChangeSettings, InvoiceQuery, InvoiceStatus, VoidInvoice
from contracts.billing_runs import ItemOutcome, RunStatus, StartBillingRun, VoidBillingRun
from contracts.common import Conflict, InvalidInput, NeedsConfirmation, NotFound
from contracts.money import Money
from testkit.examples import START, billing_settings

from tests.contract.behavior.backends import Backend
from tests.contract.behavior.checks import assert_invalid, assert_pages

TODAY = START.date()
PRICE = Money(150_000)


def test_unknown_invoice_or_run_is_not_found(isp: Backend) -> None:
    for call in (
        lambda: isp.billing.get_invoice("nothing"),
        lambda: isp.billing.void_invoice(VoidInvoice(invoice_id="nothing")),
        lambda: isp.billing.get_billing_run("nothing"),
    ):
        with pytest.raises(NotFound):
            call()


# Settings


def test_settings_have_defaults_and_change_one_by_one(isp: Backend) -> None:
    assert isp.billing.get_settings() == billing_settings()

    changed = isp.billing.change_settings(ChangeSettings(payment_terms_days=10, grace_period_days=3))

    assert changed == billing_settings(
        version=2, payment_terms_days=10, grace_period_days=3, edit=changed.edit
    )
    assert changed.edit.version == 2
    assert isp.billing.get_settings() == changed


def test_setting_out_of_range_is_named(isp: Backend) -> None:
    for setting, value in (
        ("invoice_generation_day", 29),
        ("payment_terms_days", 0),
        ("grace_period_days", 31),
    ):
        with assert_invalid(setting):
            isp.billing.change_settings(ChangeSettings(**{setting: value}))

    assert isp.billing.get_settings() == billing_settings()


# Runs


def test_run_bills_each_subscriber_once(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    ana = isp.new_subscriber("Ana")

    run = isp.generate_invoices()
    again = isp.generate_invoices()

    assert (run.status, run.total, run.created, run.skipped) == (RunStatus.FINISHED, 2, 2, 0)
    assert run.amount == Money(300_000)
    assert (again.created, again.skipped, again.amount) == (0, 2, Money(0))
    for subscriber in (juan, ana):
        (invoice,) = isp.billing.list_invoices(InvoiceQuery(subscriber_id=subscriber.id), 10, None).items
        assert (invoice.status, invoice.total, invoice.balance) == (InvoiceStatus.SENT, PRICE, PRICE)
        assert (invoice.issued_on, invoice.due_on) == (TODAY, TODAY + timedelta(days=15))


def test_dry_run_reports_but_creates_nothing(isp: Backend) -> None:
    isp.new_subscriber("Juan")

    run = isp.generate_invoices(dry_run=True)

    assert (run.created, run.amount) == (1, PRICE)
    (item,) = isp.billing.list_billing_run_items(run.id, None, 10, None).items
    assert (item.outcome, item.invoice_id, item.amount) == (ItemOutcome.CREATED, None, PRICE)
    assert isp.billing.list_invoices(InvoiceQuery(), 10, None).items == []


def test_run_items_say_what_became_of_each_subscriber(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    isp.new_subscriber("Ana")
    run = isp.generate_invoices()

    def names(outcome: ItemOutcome | None) -> set[str]:
        items = isp.billing.list_billing_run_items(run.id, outcome, 10, None).items
        return {item.subscriber_name for item in items}

    assert names(None) == {"Juan", "Ana"}
    assert names(ItemOutcome.CREATED) == {"Ana"}
    (skipped,) = isp.billing.list_billing_run_items(run.id, ItemOutcome.SKIPPED, 10, None).items
    assert skipped.reason == f"already invoiced for this period: {invoice.number}"


def test_repeated_run_command_gets_the_first_run(isp: Backend) -> None:
    command = StartBillingRun(idempotency_key="run-1")
    first = isp.billing.start_billing_run(command)

    assert isp.billing.start_billing_run(command) == first
    assert [run.id for run in isp.billing.list_billing_runs(10, None).items] == [first.id]


def test_runs_are_listed_newest_first(isp: Backend) -> None:
    runs = [isp.generate_invoices(dry_run=True).id for _ in range(3)]

    assert_pages(isp.billing.list_billing_runs, runs[::-1])


# Invoices


def test_invoice_has_a_line_for_the_service(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan", "juan.delacruz")
    isp.generate_invoices()
    (summary,) = isp.billing.list_invoices(InvoiceQuery(), 10, None).items

    (line,) = isp.billing.get_invoice(summary.id).lines

    assert line.service_id == juan.services[0].id
    assert line.description == "Fiber 50 Mbps (juan.delacruz)"
    assert (line.price, line.amount) == (PRICE, PRICE)


def test_invoices_are_listed_newest_first(isp: Backend) -> None:
    invoices = [isp.new_invoice(f"Subscriber {number}").id for number in range(3)]

    assert_pages(lambda limit, after: isp.billing.list_invoices(InvoiceQuery(), limit, after), invoices[::-1])


def test_invoices_are_found_by_status_subscriber_day_and_text(isp: Backend) -> None:
    paid, sent = isp.new_invoice("Juan Peña"), isp.new_invoice("Ana Cruz")
    isp.pay(paid.subscriber_id, 150_000)

    def found(**query) -> list[str]:
        return [each.number for each in isp.billing.list_invoices(InvoiceQuery(**query), 10, None).items]

    assert found(statuses=(InvoiceStatus.PAID,)) == [paid.number]
    assert found(statuses=(InvoiceStatus.SENT, InvoiceStatus.PAID)) == [sent.number, paid.number]
    assert found(subscriber_id=sent.subscriber_id) == [sent.number]
    assert found(due_from=sent.due_on, due_until=sent.due_on) == [sent.number, paid.number]
    assert found(due_until=TODAY) == []
    assert found(text="pena") == [paid.number]
    assert found(text=sent.number.lower()) == [sent.number]


def test_void_invoice_counts_no_more(isp: Backend) -> None:
    invoice = isp.new_invoice()
    command = VoidInvoice(invoice_id=invoice.id, reason="by mistake", actor="ana")

    void = isp.billing.void_invoice(command)

    assert (void.status, void.balance) == (InvoiceStatus.VOID, Money(0))
    assert (void.voided_by, void.void_reason) == ("ana", "by mistake")
    assert isp.billing.void_invoice(replace(command, reason="again")) == void
    assert isp.billing.get_account(invoice.subscriber_id).balance == Money(0)
    assert isp.generate_invoices().created == 0
    assert isp.generate_invoices(voided_too=True).created == 1  # only if someone asks for it


def test_voided_run_has_only_void_invoices(isp: Backend) -> None:
    invoice = isp.new_invoice()
    (run,) = isp.billing.list_billing_runs(10, None).items
    command = VoidBillingRun(run_id=run.id, reason="wrong month")

    assert isp.billing.void_billing_run(command).voided == 1
    assert isp.billing.void_billing_run(command).voided == 1
    assert isp.billing.get_invoice(invoice.id).status is InvoiceStatus.VOID


def test_run_for_a_month_far_ahead_needs_confirmation(isp: Backend) -> None:
    isp.new_subscriber("Juan")
    command = StartBillingRun(date=TODAY + timedelta(days=200))

    with pytest.raises(NeedsConfirmation):
        isp.billing.start_billing_run(command)
    isp.billing.start_billing_run(replace(command, confirm=("future_month",)))


def test_paid_invoice_cannot_be_voided(isp: Backend) -> None:
    invoice = isp.new_invoice()
    isp.pay(invoice.subscriber_id, 150_000)

    with pytest.raises(Conflict):
        isp.billing.void_invoice(VoidInvoice(invoice_id=invoice.id))


# Money


def test_payment_goes_to_the_oldest_open_invoice(isp: Backend) -> None:
    invoice = isp.new_invoice()

    part = isp.pay(invoice.subscriber_id, 50_000)

    shown = isp.billing.get_invoice(invoice.id)
    assert (shown.status, shown.balance) == (InvoiceStatus.PARTIALLY_PAID, Money(100_000))
    (allocation,) = isp.billing.find_allocations(part.id) or []
    assert (allocation.invoice_number, allocation.amount) == (invoice.number, Money(50_000))
    assert [each.payment_id for each in shown.allocations] == [part.id]


def test_payment_beyond_what_is_owed_is_credit(isp: Backend) -> None:
    invoice = isp.new_invoice()

    payment = isp.pay(invoice.subscriber_id, 200_000)

    shown = isp.billing.get_invoice(invoice.id)
    assert (shown.status, shown.balance) == (InvoiceStatus.PAID, Money(0))
    (allocation,) = isp.billing.find_allocations(payment.id) or []
    assert allocation.amount == PRICE
    account = isp.billing.get_account(invoice.subscriber_id)
    assert (account.balance, account.credit, account.overdue) == (Money(-50_000), Money(50_000), Money(0))


def test_allocations_of_an_unknown_payment_are_none(isp: Backend) -> None:
    assert isp.billing.find_allocations("nothing") is None


def test_accounts_come_in_the_order_asked_for(isp: Backend) -> None:
    invoice = isp.new_invoice()

    accounts = isp.billing.list_accounts(["nothing", invoice.subscriber_id])

    assert [account.subscriber_id for account in accounts] == ["nothing", invoice.subscriber_id]
    assert [account.balance for account in accounts] == [Money(0), PRICE]


def test_receivables_and_aging_add_up(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    isp.new_invoice("Ana")
    isp.pay(invoice.subscriber_id, 50_000)

    figures = isp.billing.get_receivables()
    buckets = isp.billing.list_aging()

    assert (figures.receivable, figures.open_invoices) == (Money(250_000), 2)
    assert (figures.overdue, figures.overdue_invoices) == (Money(0), 0)
    assert (figures.collected_today, figures.collected_this_month) == (Money(50_000), Money(50_000))
    edges = [(bucket.from_days, bucket.until_days) for bucket in buckets]
    assert edges == [(0, 0), (1, 30), (31, 60), (61, 90), (91, None)]
    assert [(bucket.invoices, bucket.amount) for bucket in buckets] == [
        (2, Money(250_000)),
        *[(0, Money(0))] * 4,
    ]


def test_days_collected_end_today(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    isp.pay(juan.id, 50_000)
    isp.pay(juan.id, 20_000, received_on=TODAY - timedelta(days=1))

    days = isp.billing.list_days_collected(3)

    assert [(day.date, day.payments, day.amount) for day in days] == [
        (TODAY - timedelta(days=2), 0, Money(0)),
        (TODAY - timedelta(days=1), 1, Money(20_000)),
        (TODAY, 1, Money(50_000)),
    ]
    with pytest.raises(InvalidInput):
        isp.billing.list_days_collected(0)


def test_account_events_are_listed_newest_first(isp: Backend) -> None:
    invoice = isp.new_invoice()
    payment = isp.pay(invoice.subscriber_id, 50_000)

    allocated, issued = isp.billing.list_account_events(invoice.subscriber_id, 10)

    assert (issued.kind, issued.amount) == (AccountEventKind.INVOICE_ISSUED, PRICE)
    assert (allocated.kind, allocated.payment_id) == (AccountEventKind.PAYMENT_ALLOCATED, payment.id)
    assert isp.billing.list_account_events(invoice.subscriber_id, 1) == [allocated]


def test_nobody_is_suspended_in_the_past(isp: Backend) -> None:
    due = isp.billing.list_suspensions_due(TODAY, 10, None)

    assert (due.until, due.auto_suspend, due.count, due.overdue, due.page.items) == (
        TODAY,
        True,
        0,
        Money(0),
        [],
    )
    with assert_invalid("until"):
        isp.billing.list_suspensions_due(TODAY - timedelta(days=1), 10, None)


def test_preview_says_what_a_payment_would_pay(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    juan = invoice.subscriber_id

    part = isp.billing.preview_payment(juan, Money(50_000), None)
    assert [(share.invoice_number, share.amount.minor, share.left.minor) for share in part.shares] == [
        (invoice.number, 50_000, 100_000)
    ]
    assert (part.balance, part.credit, part.monthly) == (Money(150_000), Money(0), Money(150_000))
    more = isp.billing.preview_payment(juan, Money(200_000), invoice.id)
    assert (more.shares[0].left, more.credit) == (Money(0), Money(50_000))
    nothing = isp.billing.preview_payment("nothing", Money(1), None)
    assert (nothing.shares, nothing.credit, nothing.monthly) == ([], Money(1), None)
