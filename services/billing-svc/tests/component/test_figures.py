"""Totals: what is owed and how old it is, what was collected and billed; and the timeline of an account."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.queries import receivables, timeline
from contracts.billing import AccountEventKind
from contracts.billing_runs import PeriodTotals
from contracts.common import BillingPeriod, InvalidInput
from contracts.money import Money
from contracts.receivables import AgingBucket, DayCollected

NOVEMBER = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))
DECEMBER = BillingPeriod(date(2026, 12, 1), date(2027, 1, 1))


def figures(billing):
    with billing.runtime.reading() as session:
        return receivables.get_receivables(session, billing.today)


def aging(billing) -> list[AgingBucket]:
    with billing.runtime.reading() as session:
        return receivables.list_aging(session, billing.today)


def days_collected(billing, days: int) -> list[DayCollected]:
    with billing.runtime.reading() as session:
        return receivables.list_days_collected(session, days, billing.today)


def events(billing, subscriber_id: str, limit: int = 50):
    with billing.runtime.reading() as session:
        return timeline.list_account_events(session, subscriber_id, limit)


# Receivables


def test_open_and_overdue_invoices_are_counted(billing):
    juan, maria, pedro, void = (billing.subscriber(name) for name in ("Juan", "Maria", "Pedro", "Void"))
    billing.bill()
    assert (figures(billing).open_invoices, figures(billing).overdue_invoices) == (4, 0)
    billing.pay(juan, 150_000)
    billing.pay(maria, 50_000)
    billing.void(billing.invoice(void).id)
    due_on = billing.invoice(pedro).due_on
    billing.move_to(due_on + timedelta(days=1))
    shown = figures(billing)
    assert (shown.open_invoices, shown.overdue_invoices) == (2, 2)
    assert shown.receivable == shown.overdue == Money(250_000)


@pytest.mark.parametrize(
    ("days_late", "place"),
    [(-9, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (400, 4)],
)
def test_aging_counts_from_the_due_date(billing, days_late, place):
    juan = billing.subscriber()
    billing.bill()
    billing.pay(juan, 100_000)
    billing.move_to(billing.invoice(juan).due_on + timedelta(days=days_late))
    buckets = aging(billing)
    assert [(bucket.from_days, bucket.until_days) for bucket in buckets] == [
        (0, 0),
        (1, 30),
        (31, 60),
        (61, 90),
        (91, None),
    ]
    for number, bucket in enumerate(buckets):
        expected = (1, Money(50_000)) if number == place else (0, Money(0))
        assert (bucket.invoices, bucket.amount) == expected


def test_aging_buckets_add_up_to_the_receivables(billing):
    for month in (date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)):
        billing.move_to(month)
        billing.subscriber(f"from {month}")
        billing.bill()
    billing.move_to(date(2027, 3, 1))
    buckets = aging(billing)
    assert sum((bucket.amount for bucket in buckets), Money(0)) == figures(billing).receivable
    assert sum(bucket.invoices for bucket in buckets) == figures(billing).open_invoices == 6
    assert sum(bucket.invoices for bucket in buckets[1:]) == figures(billing).overdue_invoices


# Collected payments


def test_collected_amounts_are_by_day_received(billing):
    today = billing.today
    billing.pay("juan", 100)
    billing.pay("maria", 20)
    billing.pay("juan", 3, received_on=today - timedelta(days=2))
    billing.pay("juan", 4, received_on=today - timedelta(days=3))
    assert days_collected(billing, 3) == [
        DayCollected(today - timedelta(days=2), 1, Money(3)),
        DayCollected(today - timedelta(days=1), 0, Money(0)),
        DayCollected(today, 2, Money(120)),
    ]
    assert days_collected(billing, 1) == [DayCollected(today, 2, Money(120))]
    assert len(days_collected(billing, 366)) == 366


@pytest.mark.parametrize("days", [0, -1, 367, 10**9])
def test_bad_number_of_days_is_refused(billing, days):
    with pytest.raises(InvalidInput) as refused:
        days_collected(billing, days)
    assert [wrong.field for wrong in refused.value.errors] == ["days"]


# The period before


def test_run_is_compared_with_the_period_before(billing):
    assert billing.bill(dry_run=True).previous == PeriodTotals(
        BillingPeriod(date(2026, 10, 1), date(2026, 11, 1)), 0, Money(0)
    )
    juan, void = billing.subscriber(), billing.subscriber("Void")
    billing.bill()
    billing.pay(juan, 150_000)
    billing.void(billing.invoice(void).id)
    billing.move_to(date(2026, 12, 1))
    for dry_run in (True, False):
        assert billing.bill(dry_run=dry_run).previous == PeriodTotals(NOVEMBER, 1, Money(150_000))
    assert [run.previous for run in billing.runs()] == [None] * 5


def test_run_is_compared_by_whole_months(billing):
    """Not what one run bills with what all runs of the month before billed."""
    billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.bill()
    billing.move_to(date(2026, 12, 1))
    billing.bill()
    billing.subscriber("Pedro")
    late = billing.subscriber("Late", billed_from=date(2026, 11, 20))
    whole = PeriodTotals(DECEMBER, 4, Money(600_000))
    preview = billing.bill(dry_run=True)
    assert (preview.created, preview.amount) == (2, Money(450_000))
    assert (preview.month, preview.previous) == (whole, PeriodTotals(NOVEMBER, 2, Money(300_000)))
    run = billing.bill()
    # The invoice for two months counts in each of them.
    assert (run.month, run.previous) == (whole, PeriodTotals(NOVEMBER, 3, Money(450_000)))
    assert len(billing.invoice(late).lines) == 2


def test_unfinished_run_is_not_compared(billing):
    billing.subscriber()
    run = billing.run(billing.start_run())
    assert (run.month, run.previous) == (None, None)


# The timeline of an account


def test_timeline_shows_invoices_payments_and_reversals(billing):
    billing.move_to(DECEMBER.start)
    juan, maria = billing.subscriber(), billing.subscriber("Maria")
    billing.bill()
    billing.pay(maria, 1)
    first = billing.invoice(juan)
    billing.tested.clock.advance(hours=1)
    payment = billing.pay(juan, 150_000 - 1)
    billing.tested.clock.advance(hours=1)
    billing.void(first.id)
    billing.tested.clock.advance(hours=1)
    billing.bill(voided_too=True)
    second = billing.invoices(juan)[-1]

    shown = events(billing, juan)
    assert [(event.kind, event.invoice_number, event.payment_id, event.amount.minor) for event in shown] == [
        (AccountEventKind.PAYMENT_ALLOCATED, second.number, payment, 149_999),
        (AccountEventKind.INVOICE_ISSUED, second.number, None, 150_000),
        (AccountEventKind.ALLOCATION_REVERSED, first.number, payment, 149_999),
        (AccountEventKind.INVOICE_VOIDED, first.number, None, 150_000),
        (AccountEventKind.PAYMENT_ALLOCATED, first.number, payment, 149_999),
        (AccountEventKind.INVOICE_ISSUED, first.number, None, 150_000),
    ]
    assert [event.invoice_id for event in shown] == [second.id] * 2 + [first.id] * 4
    assert shown[0].at == billing.runtime.now()
    assert events(billing, juan, 2) == shown[:2]
    assert events(billing, "nobody") == []
