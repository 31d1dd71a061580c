"""Runs that start automatically on the generation day."""

from __future__ import annotations

from datetime import date, time

import pytest
from billing_svc.usecases import billing_run
from contracts.common import BillingPeriod
from sqlalchemy import select
from testkit.component import while_held

NOVEMBER = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))


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
