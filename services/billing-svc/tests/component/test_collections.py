"""Who is suspended, when, and who comes back: nobody who has paid is cut or stays cut."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from billing_svc import jobs
from billing_svc.usecases import collections, settlement
from contracts.billing import (
    AccountOverdue,
    AccountSettled,
    BillingSettingsChanged,
    CollectionStatus,
    InvoiceStatus,
    SuspensionMode,
)
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.receivables import CollectionsAction
from testkit.component import while_held


def test_suspended_on_the_first_day_after_the_grace_period(billing):
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
def test_grace_period(billing, grace, first_day):
    billing.set(grace_period_days=grace)
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro, days=0)
    assert billing.collect().suspended == 0  # never on the due date itself
    billing.move_to(invoice.due_on + timedelta(days=first_day - 1))
    assert billing.collect().suspended == 0
    billing.move_to(invoice.due_on + timedelta(days=first_day))
    assert billing.collect().suspended == 1


def test_running_twice_suspends_once(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    again = billing.collect()
    assert (again.marked, again.suspended) == (1, 0)
    assert billing.new_events() == []


def test_auto_suspend_off_marks_but_cuts_nobody(billing):
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


def test_dry_run_says_who_would_be_cut_tomorrow_and_writes_nothing(billing):
    pedro = billing.subscriber("Pedro Reyes")
    billing.overdue_since(pedro, days=4)
    done = billing.collect(billing.today + timedelta(days=1), dry_run=True)
    assert [(item.subscriber_name, item.action, item.overdue.minor) for item in done.items] == [
        ("Pedro Reyes", CollectionsAction.SUSPENDED, 150_000)
    ]
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.PENDING


def test_who_pays_in_time_or_has_credit_is_left_alone(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.pay(maria, 150_000)
    billing.bill()
    billing.pay(juan, 150_000)
    billing.move_to(date(2027, 1, 20))
    done = billing.collect()
    assert (done.marked, done.suspended, done.items) == (0, 0, [])


def test_payment_restores(billing):
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


def test_partial_payment_does_not_restore(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    billing.pay(pedro, 149_999)
    assert billing.new_events() == []
    billing.pay(pedro, 1)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]


def test_settled_only_when_nothing_overdue_is_left_even_within_its_grace(billing):
    """Two invoices overdue, one of them not long enough to suspend: both must be paid."""
    pedro = billing.subscriber()
    billing.bill()
    billing.move_to(date(2026, 12, 1))
    billing.bill()
    first, second = billing.invoices(pedro)
    billing.move_to(second.due_on + timedelta(days=1))
    billing.collect()
    (said,) = billing.new_events()
    assert said.overdue == Money(300_000)
    assert [i.collection_status for i in billing.invoices(pedro)] == [
        CollectionStatus.SUSPENDED,
        CollectionStatus.PENDING,
    ]
    billing.pay(pedro, 150_000, invoice_id=first.id)
    assert billing.new_events() == []
    billing.pay(pedro, 150_000)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]


def test_what_is_not_yet_due_need_not_be_paid_to_come_back(billing):
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.bill()  # the next month, due later
    billing.new_events()
    billing.pay(pedro, 150_000)
    assert [type(event) for event in billing.new_events()] == [AccountSettled]
    assert billing.account(pedro).balance == Money(150_000)


def test_only_the_services_on_the_unpaid_invoices_are_named(billing):
    pedro = billing.subscriber("Pedro", billing.fiber, billing.plan(0, name="Free for the barangay"))
    charged, free = billing.services[pedro]
    billing.overdue_since(pedro)
    later = billing.service(pedro)
    billing.collect()
    (event,) = billing.new_events()
    assert event.service_ids == [charged.id]
    assert later.id not in event.service_ids
    assert free.id not in event.service_ids


def test_next_invoice_going_bad_names_all_services_that_are_unpaid(billing):
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


def test_void_of_the_overdue_invoice_restores(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    billing.void(invoice.id)
    (event,) = billing.new_events()
    assert (event.sequence, event.payment_id, event.paid_at) == (2, None, None)


def test_suspended_again_next_month_with_growing_sequence(billing):
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


def test_net_restores_whoever_is_clear(billing):
    """Should a word of billing have been missed in any way, the daily run says it again."""
    pedro = billing.subscriber()
    billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    with billing.runtime.transaction() as session:
        event = billing.payment(pedro, 150_000)
        billing_payment = settlement.settle_if_clear
        settlement.settle_if_clear = lambda *args, **kwargs: False
        try:
            settlement.apply_payment(session, event, now=billing.runtime.now(), today=billing.today)
        finally:
            settlement.settle_if_clear = billing_payment
    dry = billing.collect(dry_run=True)
    assert (dry.restored, billing.new_events()) == (1, [])
    assert billing.collect().restored == 1
    assert [type(event) for event in billing.new_events()] == [AccountSettled]
    assert billing.collect().restored == 0


# A run for another day


def test_run_for_a_past_day_does_not_restore_who_is_overdue_now(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.collect()
    billing.new_events()
    for dry_run in (True, False):
        done = billing.collect(invoice.issued_on, dry_run=dry_run)
        assert (done.suspended, done.restored) == (0, 0)
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.SUSPENDED


def test_run_for_a_future_day_is_undone_the_next_day_and_suspends_when_it_is_time(billing):
    pedro = billing.subscriber()
    billing.bill()
    invoice = billing.invoice(pedro)
    cut_on = invoice.due_on + timedelta(days=5)
    assert billing.collect(cut_on).suspended == 1
    billing.move_to(billing.today + timedelta(days=1))
    assert billing.collect().restored == 1
    billing.new_events()
    billing.move_to(cut_on)
    assert billing.collect().suspended == 1
    assert [type(event) for event in billing.new_events()] == [AccountOverdue]
    assert billing.invoice(pedro).collection_status is CollectionStatus.SUSPENDED


@pytest.mark.parametrize("day", [date.min, date.max, date(2062, 11, 23)])
def test_run_for_an_absurd_day_is_refused(billing, day):
    with pytest.raises(InvalidInput):
        billing.collect(day)


# The daily run


def daily(billing, holder: str = "this process") -> None:
    jobs.collect_daily(billing.runtime, holder)


def test_daily_run_is_made_once_a_day_just_after_midnight(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro, days=4)
    billing.move_to(billing.today, time(23, 59, 59))
    daily(billing)
    assert billing.new_events() == []
    billing.move_to(invoice.due_on + timedelta(days=5), time(0, 0))
    daily(billing)
    daily(billing)
    assert [type(event) for event in billing.new_events()] == [AccountOverdue]


def test_daily_run_that_broke_off_is_made_again(billing, monkeypatch):
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


def test_account_that_cannot_be_judged_harms_no_other(billing, monkeypatch):
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


def test_all_batches_are_judged(billing, monkeypatch):
    monkeypatch.setattr(collections, "BATCH", 2)
    for number in range(5):
        billing.subscriber(f"Subscriber {number}")
    billing.bill()
    billing.move_to(date(2026, 12, 20))
    assert billing.collect().suspended == 5


# At the same moment


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_while_the_account_is_being_judged_settles_after(billing):
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
def test_account_paid_while_waiting_to_be_judged_is_not_cut(billing):
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
def test_settings_are_kept_within_their_ranges(billing, name, allowed, refused):
    for value in allowed:
        billing.set(**{name: value})
    for value in refused:
        with pytest.raises(InvalidInput) as error:
            billing.set(**{name: value})
        assert error.value.errors[0].field == name


def test_settings_tell_only_what_changed(billing):
    billing.set(suspension_mode=SuspensionMode.BLOCK, grace_period_days=5)
    billing.set(suspension_mode=SuspensionMode.BLOCK)
    (event,) = billing.new_events()
    assert type(event) is BillingSettingsChanged
    assert (event.settings.version, event.settings.suspension_mode) == (2, SuspensionMode.BLOCK)


def test_new_terms_count_for_invoices_made_later(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.set(payment_terms_days=60, invoice_series="B")
    billing.service(juan)
    billing.bill()
    shown = {(invoice.number, invoice.due_on) for invoice in billing.invoices(juan)}
    assert shown == {("INV-000001", date(2026, 12, 8)), ("B-000001", date(2027, 1, 22))}
