"""Whatever moves money publishes what the accounts owe now, so that lists elsewhere agree with billing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from billing_svc.usecases import books
from contracts.billing import AccountMoney, AccountsChanged
from contracts.money import Money
from servicekit.ids import new_id


class Copy:
    """What a consumer keeps, with events that arrive in any order and more than once."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, AccountMoney]] = {}

    def handle(self, *events: AccountsChanged) -> None:
        for changed in events:
            for account in changed.accounts:
                if changed.sequence >= self.kept.get(account.subscriber_id, (0,))[0]:
                    self.kept[account.subscriber_id] = changed.sequence, account

    def of(self, subscriber_id: str) -> AccountMoney:
        return self.kept.get(subscriber_id, (0, AccountMoney(subscriber_id, Money(0), None)))[1]


def truth(billing, subscriber_id: str) -> AccountMoney:
    """The same from the account and the invoices, as pages show them."""
    due = [invoice.due_on for invoice in billing.invoices(subscriber_id) if invoice.balance.minor]
    return AccountMoney(subscriber_id, billing.account(subscriber_id).balance, min(due, default=None))


def move(billing, payment, to: str) -> None:
    billing.handle_reversal(billing.reversal(payment, counts_on=payment.received_on))
    billing.handle_payment(replace(payment, payment_id=new_id(), subscriber_id=to))


def test_everything_that_moves_money_publishes_the_accounts(billing):
    juan, maria = billing.subscriber("Juan dela Cruz"), billing.subscriber("Maria Santos")
    payment, moved = billing.payment(juan, 200_000), billing.payment(juan, 70_000)
    ordered, disordered = Copy(), Copy()

    def void_the_newest_run():
        billing.void_run(next(run.id for run in billing.runs() if run.created))

    for what, do in (
        ("issue", billing.bill),
        ("pay, with credit left", lambda: billing.handle_payment(payment)),
        ("pay a part", lambda: billing.pay(maria, 50_000)),
        ("reverse", lambda: billing.handle_reversal(billing.reversal(payment))),
        ("pay an invoice", lambda: billing.pay(juan, 150_000, invoice_id=billing.invoice(juan).id)),
        ("issue and use credit", lambda: (billing.pay(maria, 170_000), next_month(billing))),
        ("void", lambda: billing.void(billing.invoices(juan)[-1].id)),
        ("void a run", void_the_newest_run),
        ("pay in advance", lambda: billing.handle_payment(moved)),
        ("move", lambda: move(billing, moved, maria)),
    ):
        do()
        events = billing.changed_accounts()
        assert events, what
        ordered.handle(*events)
        disordered.handle(*events[::-1], *events)
        for subscriber in (juan, maria):
            assert ordered.of(subscriber) == truth(billing, subscriber), what
            assert disordered.of(subscriber) == truth(billing, subscriber), what


def next_month(billing) -> None:
    billing.move_to(date(2027, 1, 1))
    billing.bill()


def test_a_batch_of_a_run_publishes_one_event_with_all_its_accounts(billing):
    people = sorted(billing.subscriber(f"Subscriber {number}") for number in range(5))
    billing.bill()
    (changed,) = billing.changed_accounts()
    due_on = billing.invoices()[0].due_on
    assert changed.accounts == [AccountMoney(id_, Money(150_000), due_on) for id_ in people]


def test_large_transaction_publishes_several_events(billing, monkeypatch):
    monkeypatch.setattr(books, "MAX_ACCOUNTS", 2)
    for number in range(5):
        billing.subscriber(f"Subscriber {number}")
    billing.bill()
    assert [len(changed.accounts) for changed in billing.changed_accounts()] == [2, 2, 1]


def test_repeated_events_and_previews_publish_nothing(billing):
    juan = billing.subscriber()
    payment = billing.payment(juan, 1_000)
    billing.handle_payment(payment)
    assert len(billing.changed_accounts()) == 1
    billing.handle_payment(payment)
    billing.bill(dry_run=True)
    billing.collect()
    assert billing.changed_accounts() == []


def test_oldest_due_date_moves_on_when_the_oldest_invoice_is_paid(billing):
    juan = billing.subscriber()
    copy = Copy()
    billing.bill()
    next_month(billing)
    first, second = (invoice.due_on for invoice in billing.invoices(juan))
    copy.handle(*billing.changed_accounts())
    assert copy.of(juan).oldest_due_on == first
    billing.pay(juan, 150_000)
    copy.handle(*billing.changed_accounts())
    assert copy.of(juan).oldest_due_on == second
    billing.pay(juan, 300_001)
    copy.handle(*billing.changed_accounts())
    assert copy.of(juan) == AccountMoney(juan, Money(-1), None)


def test_all_accounts_are_published_in_batches_and_late_ones_change_nothing(billing, monkeypatch):
    monkeypatch.setattr(books, "MAX_ACCOUNTS", 2)
    people = [billing.subscriber(f"Subscriber {number}") for number in range(5)]
    copy, repaired = Copy(), Copy()
    billing.bill()
    billing.publish_accounts()
    before = billing.changed_accounts()
    billing.pay(people[0], 150_000)
    billing.publish_accounts()
    events = billing.changed_accounts()
    assert [len(changed.accounts) for changed in events] == [1, 2, 2, 1]
    copy.handle(*events, *before)
    repaired.handle(*events[1:])
    for subscriber in people:
        assert copy.of(subscriber) == repaired.of(subscriber) == truth(billing, subscriber)
    assert copy.of(people[0]).balance == Money(0)
