"""After any sequence of events the ledger agrees, and exactly the overdue accounts are suspended."""

from __future__ import annotations

from datetime import timedelta

from billing_svc.usecases import settlement
from contracts.billing import AccountOverdue, AccountSettled, InvoiceStatus
from contracts.money import Money, total
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)


class Books(RuleBasedStateMachine):
    """Two subscribers, months of invoices, payments, voids and daily runs."""

    def __init__(self, tested, make_billing) -> None:
        super().__init__()
        tested.start_over()
        self.billing = billing = make_billing(tested)
        self.subscribers = [
            billing.subscriber("Juan"),
            billing.subscriber("Maria", billing.fiber, billing.plan(33_333)),
        ]
        self.paid_in = dict.fromkeys(self.subscribers, 0)
        self.suspended = dict.fromkeys(self.subscribers, False)
        self.sequence = dict.fromkeys(self.subscribers, 0)
        billing.new_events()

    who = st.integers(0, 1)

    @rule(days=st.integers(1, 12))
    def time_passes(self, days: int):
        self.billing.move_to(self.billing.today + timedelta(days=days))

    @rule()
    def bill(self):
        assert self.billing.bill().failed == 0

    @rule(who=who, minor=st.sampled_from([1, 50_000, 150_000, 183_333, 400_000]), back=st.integers(0, 40))
    def pay(self, who: int, minor: int, back: int):
        subscriber = self.subscribers[who]
        self.billing.pay(subscriber, minor, received_on=self.billing.today - timedelta(days=back))
        self.paid_in[subscriber] += minor

    @rule(who=who, which=st.integers(0, 5))
    def pay_for_an_invoice(self, who: int, which: int):
        invoices = self.billing.invoices(self.subscribers[who])
        if invoices:
            self.billing.pay(self.subscribers[who], 60_000, invoice_id=invoices[which % len(invoices)].id)
            self.paid_in[self.subscribers[who]] += 60_000

    @rule(who=who, which=st.integers(0, 5))
    def void(self, who: int, which: int):
        voidable = [
            i for i in self.billing.invoices(self.subscribers[who]) if i.status is not InvoiceStatus.PAID
        ]
        if voidable:
            self.billing.void(voidable[which % len(voidable)].id)

    @rule()
    def collect(self):
        self.billing.collect()
        self.collected_on = self.billing.today

    collected_on = None

    @invariant()
    def ledger_agrees(self):
        check = self.billing.ledger_check()
        assert check.differences == []
        assert check.receivable == check.invoices_open - check.credit

    @invariant()
    def every_centavo_is_counted_once(self):
        for subscriber in self.subscribers:
            invoices = [i for i in self.billing.invoices(subscriber) if i.status is not InvoiceStatus.VOID]
            charged = total([invoice.total for invoice in invoices])
            account = self.billing.account(subscriber)
            assert account.balance == charged - Money(self.paid_in[subscriber])
            on_invoices = total([part.amount for invoice in invoices for part in invoice.allocations])
            assert on_invoices + account.credit == Money(self.paid_in[subscriber])
            for invoice in invoices:
                assert Money(0) <= invoice.balance <= invoice.total
                assert (invoice.status is InvoiceStatus.PAID) is (invoice.balance == Money(0))
            # Credit pays open invoices at once.
            owed = total([invoice.balance for invoice in invoices])
            assert Money(0) in (account.credit, owed)

    @invariant()
    def each_service_is_billed_once_per_period(self):
        for subscriber in self.subscribers:
            billed = [
                (line.service_id, line.period.start)
                for invoice in self.billing.invoices(subscriber)
                if invoice.status is not InvoiceStatus.VOID
                for line in invoice.lines
            ]
            assert len(set(billed)) == len(billed)

    @invariant()
    def suspended_accounts_are_overdue(self):
        for event in self.billing.new_events():
            assert event.sequence == self.sequence[event.subscriber_id] + 1
            self.sequence[event.subscriber_id] = event.sequence
            self.suspended[event.subscriber_id] = isinstance(event, AccountOverdue)
            assert isinstance(event, AccountOverdue | AccountSettled)
        for subscriber, suspended in self.suspended.items():
            overdue = self.billing.account(subscriber).overdue
            assert overdue > Money(0) or not suspended  # no one stays suspended without an overdue invoice

    @precondition(lambda self: self.collected_on == self.billing.today)
    @invariant()
    def accounts_overdue_beyond_the_grace_period_are_suspended(self):
        for subscriber in self.subscribers:
            for invoice in self.billing.invoices(subscriber):
                assert invoice.days_overdue < 5 or self.suspended[subscriber]


def test_ledger_agrees_after_any_sequence_of_events(tested, make_billing):
    run_state_machine_as_test(
        lambda: Books(tested, make_billing),
        settings=settings(
            max_examples=15 if tested.runtime.database.is_sqlite else 4,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_ledger_check_finds_accounts_that_do_not_agree(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.bill()
    billing.pay(juan, 100)
    with billing.runtime.transaction() as session:
        for invoice, _ in settlement.open_balances(session, maria):
            invoice.total_minor += 1
    assert billing.ledger_check().differences == [maria]
