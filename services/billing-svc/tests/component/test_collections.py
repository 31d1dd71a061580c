"""Collections: which subscribers are suspended, when, and that a payment always ends it."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from billing_svc import jobs
from billing_svc.lookups import load_settings
from billing_svc.usecases import collections, settlement
from contracts.billing import (
    AccountOverdue,
    AccountSettled,
    BillingSettingsChanged,
    CollectionStatus,
    InvoiceStatus,
)
from contracts.billing_settings import SuspensionMode
from contracts.common import InvalidInput, Stale
from contracts.money import Money
from contracts.receivables import CollectionsAction
from testkit.component import while_held


def test_account_is_suspended_when_the_grace_period_is_over(billing):
    pedro = billing.subscriber("Pedro Reyes")
    invoice = billing.overdue_since(pedro, days=4)
    done = billing.collect()
    assert (done.marked, done.suspended) == (1, 0)
    assert billing.new_events() == []
    assert billing.invoice(pedro).status is InvoiceStatus.OVERDUE

    billing.move_to(invoice.due_on + timedelta(days=5))
    done = billing.collect()
    assert (done.marked, done.suspended, done.restored) == (0, 1, 0)
    (event,) = billing.new_events()
    assert event == AccountOverdue(
        subscriber_id=pedro,
        sequence=1,
        service_ids=[billing.services[pedro][0].id],
        overdue=Money(150_000),
        reason="5 days overdue",
    )
    assert billing.invoice(pedro).collection_status is CollectionStatus.SUSPENDED


@pytest.mark.parametrize(("grace", "first_day"), [(0, 1), (1, 1), (2, 2), (5, 5), (30, 30)])
def test_grace_period_delays_the_suspension(billing, grace, first_day):
    billing.set(grace_period_days=grace)
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro, days=0)
    assert billing.collect().suspended == 0  # never on the due date itself
    billing.move_to(invoice.due_on + timedelta(days=first_day - 1))
    assert billing.collect().suspended == 0
    billing.move_to(invoice.due_on + timedelta(days=first_day))
    assert billing.collect().suspended == 1


def test_second_run_suspends_no_one_again(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    again = billing.collect()
    assert (again.marked, again.suspended) == (1, 0)
    assert billing.new_events() == []


def test_without_auto_suspend_overdue_accounts_are_only_marked(billing):
    billing.set(auto_suspend=False)
    pedro = billing.subscriber()
    billing.new_events()
    billing.overdue_since(pedro, days=60)
    done = billing.collect()
    assert (done.marked, done.suspended) == (1, 0)
    assert done.items[0].reason == "60 days overdue"
    assert billing.new_events() == []
    billing.set(auto_suspend=True)
    assert billing.collect().suspended == 1


def test_dry_run_for_tomorrow_lists_suspensions_and_writes_nothing(billing):
    pedro = billing.subscriber("Pedro Reyes")
    billing.overdue_since(pedro, days=4)
    done = billing.collect(billing.today + timedelta(days=1), dry_run=True)
    assert [(item.subscriber_name, item.action, item.overdue.minor) for item in done.items] == [
        ("Pedro Reyes", CollectionsAction.SUSPENDED, 150_000)
    ]
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.PENDING


def test_accounts_paid_in_time_or_by_credit_are_not_touched(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.pay(maria, 150_000)
    billing.bill()
    billing.pay(juan, 150_000)
    billing.move_to(date(2027, 1, 20))
    done = billing.collect()
    assert (done.marked, done.suspended, done.items) == (0, 0, [])


def test_payment_settles_the_account(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    payment = billing.pay(pedro, 150_000)
    (event,) = billing.new_events()
    assert event == AccountSettled(
        subscriber_id=pedro, sequence=2, paid_at=billing.runtime.now(), payment_id=payment
    )
    invoice = billing.invoice(pedro)
    assert (invoice.status, invoice.collection_status) == (InvoiceStatus.PAID, CollectionStatus.RESTORED)


def test_partial_payment_does_not_settle_the_account(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    billing.pay(pedro, 149_999)
    assert billing.new_events() == []
    billing.pay(pedro, 1)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]


def test_account_is_settled_only_when_nothing_is_overdue(billing):
    """Two invoices are overdue, one of them within its grace period: both must be paid."""
    pedro = billing.subscriber()
    billing.bill()
    billing.move_to(date(2026, 12, 1))
    billing.bill()
    first, second = billing.invoices(pedro)
    billing.move_to(second.due_on + timedelta(days=1))
    billing.collect()
    (event,) = billing.new_events()
    assert event.overdue == Money(300_000)
    assert [i.collection_status for i in billing.invoices(pedro)] == [
        CollectionStatus.SUSPENDED,
        CollectionStatus.PENDING,
    ]
    billing.pay(pedro, 150_000, invoice_id=first.id)
    assert billing.new_events() == []
    billing.pay(pedro, 150_000)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]


def test_account_is_settled_although_an_invoice_is_not_due_yet(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.bill()  # for the next month, due later
    billing.new_events()
    billing.pay(pedro, 150_000)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]
    assert billing.account(pedro).balance == Money(150_000)


def test_only_services_charged_on_overdue_invoices_are_suspended(billing):
    pedro = billing.subscriber("Pedro", billing.fiber, billing.plan(0, name="Free for the barangay"))
    charged, free = billing.services[pedro]
    billing.overdue_since(pedro)
    later = billing.service(pedro)
    billing.collect()
    (event,) = billing.new_events()
    assert event.service_ids == [charged.id]
    assert later.id not in event.service_ids
    assert free.id not in event.service_ids


def test_second_overdue_invoice_suspends_its_services_too(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    second = billing.service(pedro)
    billing.bill()
    billing.new_events()
    billing.move_to(billing.invoices(pedro)[-1].due_on + timedelta(days=5))
    assert billing.collect().suspended == 1
    (event,) = billing.new_events()
    assert event.sequence == 2
    assert event.service_ids == sorted([billing.services[pedro][0].id, second.id])


def test_voiding_the_overdue_invoice_settles_the_account(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    billing.void(invoice.id)
    (event,) = billing.new_events()
    assert (event.sequence, event.payment_id, event.paid_at) == (2, None, None)


def test_events_of_an_account_are_numbered_month_after_month(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.pay(pedro, 150_000)
    billing.overdue_since(pedro)
    billing.collect()
    assert [event.sequence for event in billing.new_events()] == [1, 2, 3]
    assert [i.collection_status for i in billing.invoices(pedro)] == [
        CollectionStatus.RESTORED,
        CollectionStatus.SUSPENDED,
    ]


def test_collections_settle_an_account_that_a_payment_missed(billing):
    """A safety net: if the settled event was never published, the daily run publishes it."""
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    with billing.runtime.transaction() as session:
        event = billing.payment(pedro, 150_000)
        settle_if_clear = settlement.settle_if_clear
        settlement.settle_if_clear = lambda *args, **kwargs: False
        try:
            settlement.apply_payment(session, event, now=billing.runtime.now(), today=billing.today)
        finally:
            settlement.settle_if_clear = settle_if_clear
    dry = billing.collect(dry_run=True)
    assert (dry.restored, billing.new_events()) == (1, [])
    assert billing.collect().restored == 1
    assert [type(event) for event in billing.new_events()] == [AccountSettled]
    assert billing.collect().restored == 0


# A run for another day


def test_run_for_a_past_day_does_not_restore_overdue_accounts(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    for dry_run in (True, False):
        done = billing.collect(invoice.issued_on, dry_run=dry_run)
        assert (done.suspended, done.restored) == (0, 0)
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.SUSPENDED


def test_run_for_a_future_day_judges_by_today(billing):
    juan = billing.subscriber()
    billing.bill()
    due = billing.invoice(juan).due_on
    ahead = due + timedelta(days=20)
    billing.new_events()

    run = billing.collect(ahead)

    assert (run.date, run.suspended, run.items) == (billing.today, 0, [])
    assert billing.new_events() == []
    assert billing.collect(ahead, dry_run=True).suspended == 1


def test_run_for_a_future_day_does_not_restore_early(billing):
    """The clock of the run decides, not the day in the request."""
    juan = billing.subscriber()
    billing.overdue_since(juan)
    billing.collect()
    billing.new_events()
    assert billing.collect(billing.today + timedelta(days=300)).restored == 0
    assert billing.new_events() == []


@pytest.mark.parametrize("day", [date.min, date.max, date(2062, 11, 23)])
def test_run_for_a_day_more_than_a_year_away_is_refused(billing, day):
    with pytest.raises(InvalidInput):
        billing.collect(day)


# The daily run


def daily(billing, holder: str = "this process") -> None:
    jobs.collect_daily(billing.runtime, holder)


def test_daily_run_starts_once_a_day_after_midnight(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro, days=4)
    billing.move_to(billing.today, time(23, 59, 59))
    daily(billing)
    assert billing.new_events() == []
    billing.move_to(invoice.due_on + timedelta(days=5), time(0, 0))
    daily(billing)
    daily(billing)
    assert [type(event) for event in billing.new_events()] == [AccountOverdue]


def test_interrupted_daily_run_is_repeated(billing, monkeypatch):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    with monkeypatch.context() as patch:

        def fail(*_args, **_kwargs):
            raise KeyboardInterrupt("killed")

        patch.setattr(collections, "judge", fail)
        with pytest.raises(KeyboardInterrupt):
            daily(billing)
    daily(billing)
    assert [type(event) for event in billing.new_events()] == [AccountOverdue]


def test_account_that_fails_does_not_affect_the_others(billing, monkeypatch):
    broken, pedro = billing.subscriber("Broken"), billing.subscriber("Pedro Reyes")
    billing.overdue_since(pedro)
    judge = collections.judge

    def judge_or_break(session, subscriber_id, **more):
        if subscriber_id == broken:
            raise LookupError("broken")
        return judge(session, subscriber_id, **more)

    monkeypatch.setattr(collections, "judge", judge_or_break)
    done = billing.collect()
    assert [item.subscriber_id for item in done.items] == [pedro]
    assert [event.subscriber_id for event in billing.new_events()] == [pedro]


def test_collections_go_through_all_batches(billing, monkeypatch):
    monkeypatch.setattr(collections, "BATCH", 2)
    for number in range(5):
        billing.subscriber(f"Subscriber {number}")
    billing.bill()
    billing.move_to(date(2026, 12, 20))
    assert billing.collect().suspended == 5


# Concurrent payments


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_during_a_suspension_settles_the_account_afterwards(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    payment = billing.payment(pedro, 150_000)
    replica = billing.tested.another().runtime

    def pay():
        with replica.transaction() as session:
            settlement.apply_payment(session, payment, now=replica.now(), today=billing.today)

    def judge(session):
        day = billing.today
        collections.judge(session, pedro, day=day, today=day, dry_run=False, now=replica.now())

    while_held(billing.tested, judge, pay)
    assert [(type(event), event.sequence) for event in billing.new_events()] == [
        (AccountOverdue, 1),
        (AccountSettled, 2),
    ]


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_account_paid_just_before_the_decision_is_not_suspended(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    payment = billing.payment(pedro, 150_000)
    replica = billing.tested.another().runtime

    def judge():
        day = billing.today
        with replica.transaction() as session:
            collections.judge(session, pedro, day=day, today=day, dry_run=False, now=replica.now())

    def pay(session):
        settlement.apply_payment(session, payment, now=replica.now(), today=billing.today)

    while_held(billing.tested, pay, judge)
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.PENDING


# Settings


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("invoice_generation_day", (1, 28), (0, 29, 31, -1)),
        ("payment_terms_days", (1, 60), (0, 61)),
        ("grace_period_days", (0, 30), (-1, 31)),
        ("invoice_series", ("INV", "A-2026", "X" * 12), ("", "inv", "X" * 13, "INV ", "ИНВ", "-A")),
    ],
)
def test_settings_outside_their_limits_are_refused(billing, name, allowed, refused):
    for value in allowed:
        billing.set(**{name: value})
    for value in refused:
        with pytest.raises(InvalidInput) as error:
            billing.set(**{name: value})
        assert error.value.errors[0].field == name


def test_only_changed_settings_are_published(billing):
    billing.set(suspension_mode=SuspensionMode.BLOCK, grace_period_days=5)
    billing.set(suspension_mode=SuspensionMode.BLOCK)
    (event,) = billing.new_events()
    assert type(event) is BillingSettingsChanged
    assert (event.settings.version, event.settings.suspension_mode) == (2, SuspensionMode.BLOCK)


def test_new_payment_terms_apply_to_later_invoices(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.set(payment_terms_days=60, invoice_series="B")
    billing.service(juan)
    billing.bill()
    shown = {(invoice.number, invoice.due_on) for invoice in billing.invoices(juan)}
    assert shown == {("INV-000001", date(2026, 12, 8)), ("B-000001", date(2027, 1, 22))}


def test_settings_based_on_an_older_version_are_refused(billing):
    billing.set(payment_terms_days=10, version=1, actor="ana")
    with pytest.raises(Stale, match="version 2 was saved by ana after version 1"):
        billing.set(grace_period_days=7, version=1)
    billing.set(grace_period_days=7, version=2)
    with billing.runtime.reading() as session:
        settings = load_settings(session)
        assert (settings.payment_terms_days, settings.grace_period_days) == (10, 7)
