"""Reversed payments: what they paid is owed again, and nothing is suspended at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from billing_svc import jobs
from billing_svc.queries import invoices, receivables, timeline
from billing_svc.usecases import settlement
from contracts.billing import AccountEventKind, AccountOverdue, AccountSettled, InvoiceStatus
from contracts.money import Money
from testkit.component import while_held


def paid(billing, minor: int = 150_000):
    """A subscriber with one invoice of 1,500.00, and the event of a payment of theirs."""
    juan = billing.subscriber()
    billing.bill()
    payment = billing.payment(juan, minor)
    billing.handle_payment(payment)
    return juan, payment


def test_invoice_is_open_again_after_a_reversal(billing):
    juan, payment = paid(billing)
    billing.handle_reversal(billing.reversal(payment))
    invoice = billing.invoice(juan)
    assert (invoice.status, invoice.balance, invoice.allocations) == (
        InvoiceStatus.SENT,
        Money(150_000),
        [],
    )
    account = billing.account(juan)
    assert (account.balance, account.credit) == (Money(150_000), Money(0))
    assert billing.ledger_check().differences == []


def test_reversed_credit_is_gone(billing):
    juan, payment = paid(billing, 400_000)
    billing.handle_reversal(billing.reversal(payment))
    assert billing.account(juan).credit == Money(0)
    assert billing.account(juan).balance == Money(150_000)


def test_other_credit_pays_the_invoice_that_a_reversal_opened(billing):
    juan, payment = paid(billing)
    billing.pay(juan, 100_000)
    billing.handle_reversal(billing.reversal(payment))
    assert billing.invoice(juan).balance == Money(50_000)
    assert billing.account(juan).credit == Money(0)


def test_reversal_handled_twice_counts_once(billing):
    juan, payment = paid(billing)
    for _ in range(2):
        billing.handle_reversal(billing.reversal(payment))
    assert billing.account(juan).balance == Money(150_000)
    assert billing.ledger_check().differences == []


def test_reversal_that_arrives_before_its_payment_has_the_same_effect(billing):
    juan = billing.subscriber()
    billing.bill()
    payment = billing.payment(juan, 150_000)
    billing.handle_reversal(billing.reversal(payment))
    billing.handle_payment(payment)
    assert billing.account(juan).balance == Money(150_000)
    assert billing.invoice(juan).allocations == []
    with billing.runtime.reading() as session:
        assert invoices.find_allocations(session, payment.payment_id) == []
        assert receivables.get_receivables(session, billing.today).collected_today == Money(0)


def test_payer_who_is_overdue_after_a_reversal_is_suspended_by_the_next_run(billing):
    juan = billing.subscriber()
    billing.overdue_since(juan)
    jobs.collect_daily(billing.runtime, "this process")
    payment = billing.payment(juan, 150_000)
    billing.handle_payment(payment)
    overdue, settled = billing.new_events()
    assert (type(overdue), type(settled)) == (AccountOverdue, AccountSettled)

    billing.handle_reversal(billing.reversal(payment))
    jobs.collect_daily(billing.runtime, "this process")
    assert billing.new_events() == []  # today's run is done

    billing.move_to(billing.today + timedelta(days=1))
    jobs.collect_daily(billing.runtime, "this process")
    (again,) = billing.new_events()
    assert isinstance(again, AccountOverdue)
    assert again.sequence == settled.sequence + 1


def test_reversal_reduces_what_is_collected_on_its_day(billing):
    _, payment = paid(billing)
    yesterday = billing.today
    billing.move_to(yesterday + timedelta(days=1))
    billing.handle_reversal(billing.reversal(payment))
    with billing.runtime.reading() as session:
        before, now = receivables.list_days_collected(session, 2, billing.today)
        figures = receivables.get_receivables(session, billing.today)
    assert (before.amount, now.amount) == (Money(150_000), Money(-150_000))
    assert (before.payments, now.payments) == (0, 0)
    assert (figures.collected_today, figures.collected_this_month) == (Money(-150_000), Money(0))


def test_moved_payment_is_collected_once_on_the_day_it_was_received(billing):
    juan, payment = paid(billing)
    maria = billing.subscriber("Maria")
    yesterday = billing.today
    billing.move_to(yesterday + timedelta(days=1))
    billing.handle_reversal(billing.reversal(payment, counts_on=yesterday))
    billing.pay(maria, 150_000, received_on=yesterday)
    with billing.runtime.reading() as session:
        before, now = receivables.list_days_collected(session, 2, billing.today)
    assert (before.payments, before.amount, now.amount) == (1, Money(150_000), Money(0))
    assert (billing.account(juan).balance, billing.account(maria).balance) == (
        Money(150_000),
        Money(-150_000),
    )


def test_timeline_shows_what_a_reversal_took_off(billing):
    juan, payment = paid(billing)
    billing.move_to(billing.today + timedelta(days=1))
    billing.handle_reversal(billing.reversal(payment))
    with billing.runtime.reading() as session:
        newest = timeline.list_account_events(session, juan, 1)
    assert [(event.kind, event.payment_id, event.amount) for event in newest] == [
        (AccountEventKind.ALLOCATION_REVERSED, payment.payment_id, Money(150_000))
    ]


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_during_a_reversal_pays_what_it_opens(billing):
    juan, payment = paid(billing)
    second = billing.payment(juan, 150_000)
    replica = billing.tested.another().runtime

    def pay():
        with replica.transaction() as session:
            settlement.apply_payment(session, second, now=replica.now(), today=billing.today)

    def reverse(session):
        settlement.reverse_payment(session, billing.reversal(payment), now=replica.now())

    while_held(billing.tested, reverse, pay)
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    assert billing.account(juan).balance == Money(0)
    assert billing.ledger_check().differences == []
