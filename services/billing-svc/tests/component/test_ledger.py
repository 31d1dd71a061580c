"""After any sequence of events the ledger agrees, and exactly the overdue accounts are suspended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from billing_svc.domain.ledger import RECEIVABLE
from billing_svc.queries import accounts, receivables
from billing_svc.usecases import settlement
from contracts.billing import AccountMoney, AccountOverdue, AccountSettled, InvoiceStatus
from contracts.money import Money, total
from contracts.payment import PaymentReceived
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from servicekit.ids import new_id
from testkit.soak import IS_SOAK, examples


class Books(RuleBasedStateMachine):
    """Two subscribers, months of invoices, payments, reversals, moves, voids and daily runs."""

    def __init__(self, tested, make_billing) -> None:
        super().__init__()
        tested.start_over()
        self.billing = billing = make_billing(tested)
        self.subscribers = [
            billing.subscriber("Juan"),
            billing.subscriber("Maria", billing.fiber, billing.plan(33_333)),
        ]
        self.paid_in = dict.fromkeys(self.subscribers, 0)
        # Payments that were recorded and not reversed, and whether billing has handled each of them.
        self.payments: list[PaymentReceived] = []
        self.late: list[PaymentReceived] = []
        self.suspended = dict.fromkeys(self.subscribers, False)
        self.sequence = dict.fromkeys(self.subscribers, 0)
        self.published: dict[str, tuple[int, AccountMoney]] = {}
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
        received_on = self.billing.today - timedelta(days=back)
        self.receive(self.billing.payment(self.subscribers[who], minor, received_on=received_on))

    def receive(self, payment: PaymentReceived):
        self.billing.handle_payment(payment)
        self.paid_in[payment.subscriber_id] += payment.amount.minor
        self.payments.append(payment)

    @rule(who=who)
    def record_a_payment_whose_event_is_late(self, who: int):
        self.late.append(self.billing.payment(self.subscribers[who], 150_000))

    @rule(reversal_first=st.booleans())
    @precondition(lambda self: self.late)
    def late_event_arrives(self, reversal_first: bool):
        payment = self.late.pop()
        if reversal_first:
            self.billing.handle_reversal(self.billing.reversal(payment))
            self.billing.handle_payment(payment)
        else:
            self.receive(payment)

    @rule(which=st.integers(0, 20), times=st.integers(1, 2))
    @precondition(lambda self: self.payments)
    def reverse(self, which: int, times: int):
        payment = self.payments.pop(which % len(self.payments))
        for _ in range(times):
            self.billing.handle_reversal(self.billing.reversal(payment))
        self.paid_in[payment.subscriber_id] -= payment.amount.minor

    @rule(which=st.integers(0, 20), new_first=st.booleans())
    @precondition(lambda self: self.payments)
    def move(self, which: int, new_first: bool):
        payment = self.payments.pop(which % len(self.payments))
        (other,) = set(self.subscribers) - {payment.subscriber_id}
        moved = replace(payment, payment_id=new_id(), subscriber_id=other, invoice_id=None)
        reversal = self.billing.reversal(payment, counts_on=payment.received_on)
        if new_first:
            self.receive(moved)
        self.billing.handle_reversal(reversal)
        self.paid_in[payment.subscriber_id] -= payment.amount.minor
        if not new_first:
            self.receive(moved)

    @rule(who=who, which=st.integers(0, 5))
    def pay_for_an_invoice(self, who: int, which: int):
        invoices = self.billing.invoices(self.subscribers[who])
        if invoices:
            invoice_id = invoices[which % len(invoices)].id
            self.receive(self.billing.payment(self.subscribers[who], 60_000, invoice_id=invoice_id))

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
        for subscriber in self.subscribers:
            assert self.billing.account(subscriber).balance == ledger_sum(self.billing, subscriber)

    @invariant()
    def published_accounts_agree(self):
        for changed in self.billing.changed_accounts():
            for account in changed.accounts:
                assert changed.sequence > self.published.get(account.subscriber_id, (0,))[0]
                self.published[account.subscriber_id] = changed.sequence, account
        for subscriber in self.subscribers:
            due = [i.due_on for i in self.billing.invoices(subscriber) if i.balance.minor]
            expected = AccountMoney(
                subscriber, self.billing.account(subscriber).balance, min(due, default=None)
            )
            _, kept = self.published.get(subscriber, (0, AccountMoney(subscriber, Money(0), None)))
            assert kept == expected

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
    def what_was_collected_is_what_was_paid(self):
        with self.billing.runtime.reading() as session:
            days = receivables.list_days_collected(session, 366, self.billing.today)
        assert total([day.amount for day in days]) == Money(sum(self.paid_in.values()))
        assert sum(day.payments for day in days) == len(self.payments)

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


def ledger_sum(billing, subscriber_id: str) -> Money:
    with billing.runtime.reading() as session:
        entries = accounts.list_ledger_entries(session, subscriber_id, 200, None)
    assert entries.next is None
    owed = [entry.amount for entry in entries.items if entry.debit_account == RECEIVABLE]
    return total(owed) - total(
        [entry.amount for entry in entries.items if entry.credit_account == RECEIVABLE]
    )


def test_ledger_agrees_after_any_sequence_of_events(tested, make_billing):
    run_state_machine_as_test(
        lambda: Books(tested, make_billing),
        settings=settings(
            max_examples=examples(15 if tested.runtime.database.is_sqlite else 4),
            stateful_step_count=15,
            deadline=None,
            derandomize=not IS_SOAK,
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
