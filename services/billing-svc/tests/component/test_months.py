"""Every month of a service is billed once or named. tests/unit/test_months.py tests the rule alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.models import ServiceProjection
from billing_svc.service import BillingService
from contracts.billing import Billing
from contracts.billing_runs import ItemOutcome
from contracts.billing_settings import FirstMonth
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.pricing import BillingTerms
from testkit.component import client_of

NOVEMBER, DECEMBER, JANUARY, FEBRUARY = (
    date(2026, 11, 1),
    date(2026, 12, 1),
    date(2027, 1, 1),
    date(2027, 2, 1),
)


def months(billing, subscriber_id: str) -> list[date]:
    """The months on the invoices of a subscriber that are not void, a line each."""
    return sorted(
        line.period.start
        for invoice in billing.invoices(subscriber_id)
        if invoice.status != "void"
        for line in invoice.lines
    )


def automatic(billing, day: date) -> None:
    billing.move_to(day)
    billing.tick()


def reason(billing, run, subscriber_id: str) -> str:
    return billing.items(run.id)[subscriber_id].reason


def test_subscriber_who_joins_after_the_automatic_run_is_billed_by_the_next(billing):
    automatic(billing, date(2026, 12, 1))
    billing.move_to(date(2026, 12, 5))
    juan = billing.subscriber()
    automatic(billing, date(2026, 12, 31))
    assert months(billing, juan) == []  # no invoice between runs
    automatic(billing, JANUARY)
    invoice = billing.invoice(juan)
    assert [line.period.start for line in invoice.lines] == [DECEMBER, JANUARY]
    assert (invoice.period.start, invoice.period.end) == (DECEMBER, FEBRUARY)
    assert invoice.total == Money(300_000)
    assert reason(billing, billing.runs()[0], juan) == "bills Dec 2026 and Jan 2027"
    automatic(billing, FEBRUARY)
    assert months(billing, juan) == [DECEMBER, JANUARY, FEBRUARY]
    assert billing.ledger_check().differences == []


def test_first_start_on_the_billing_day_loses_no_month(billing):
    """The automatic run of the first day finds nobody; Generate Invoices or the next run bills the month."""
    automatic(billing, DECEMBER)
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    assert billing.bill().created == 2
    pedro = billing.subscriber("Pedro")
    automatic(billing, JANUARY)
    assert months(billing, juan) == months(billing, maria) == months(billing, pedro) == [DECEMBER, JANUARY]


def test_subscriber_who_left_between_two_runs_is_billed(billing):
    """Joined on August 20 after the run of that day, and left on September 10 before the next one."""
    billing.move_to(date(2027, 8, 1))
    billing.tick()
    billing.set(invoice_generation_day=20)
    automatic(billing, date(2027, 8, 20))
    juan = billing.subscriber()
    billing.move_to(date(2027, 9, 10))
    billing.terminate(billing.services[juan][0])
    automatic(billing, date(2027, 9, 20))
    assert months(billing, juan) == [date(2027, 8, 1), date(2027, 9, 1)]
    automatic(billing, date(2027, 10, 20))
    assert juan not in billing.items(billing.runs()[0].id)


def test_billing_day_moved_to_an_earlier_day_loses_no_month(billing):
    juan = billing.subscriber()
    billing.set(invoice_generation_day=20)
    automatic(billing, date(2026, 12, 15))
    billing.set(invoice_generation_day=10)
    automatic(billing, date(2026, 12, 31))
    assert months(billing, juan) == []
    automatic(billing, date(2027, 1, 10))
    assert months(billing, juan) == [NOVEMBER, DECEMBER, JANUARY]


def test_next_run_is_known_before_the_billing_day_is_moved(billing):
    api = client_of(Billing, BillingService, billing.runtime)
    automatic(billing, date(2026, 12, 1))
    billing.set(invoice_generation_day=20)
    billing.move_to(date(2027, 1, 15))
    kept, moved = api.get_next_run(None), api.get_next_run(10)
    assert (kept.date, kept.period.start, kept.catches_up) == (date(2027, 1, 20), JANUARY, [])
    assert (moved.date, moved.period.start) == (date(2027, 2, 10), FEBRUARY)
    assert [period.start for period in moved.catches_up] == [JANUARY]
    with pytest.raises(InvalidInput):
        api.get_next_run(29)


def test_long_downtime_loses_no_month(billing):
    juan = billing.subscriber()
    billing.bill()
    automatic(billing, date(2027, 3, 20))
    assert months(billing, juan) == [NOVEMBER, DECEMBER, JANUARY, FEBRUARY, date(2027, 3, 1)]
    assert len([run for run in billing.runs() if run.period.start > NOVEMBER]) == 1


def test_free_first_month_is_named_and_stays_free(billing):
    billing.set(first_month=FirstMonth.FREE)
    juan = billing.subscriber(pppoe_username="juan")
    preview = billing.bill(dry_run=True)
    run = billing.bill()
    assert reason(billing, preview, juan) == "Nov 2026 not billed for juan: the first month is free"
    assert billing.items(run.id)[juan].outcome is ItemOutcome.SKIPPED
    assert run.first_month is FirstMonth.FREE
    billing.set(first_month=FirstMonth.FULL)
    automatic(billing, DECEMBER)
    assert months(billing, juan) == [DECEMBER]


def test_service_is_billed_from_the_day_that_was_set(billing):
    juan = billing.subscriber(billed_from=JANUARY)
    run = billing.bill()
    assert reason(billing, run, juan) == "the service starts after this period"
    automatic(billing, DECEMBER)
    assert months(billing, juan) == []
    (service,) = billing.services[juan]
    billing.change_service(service, billed_from=DECEMBER)
    automatic(billing, JANUARY)
    assert months(billing, juan) == [DECEMBER, JANUARY]


def test_month_that_cost_nothing_is_not_billed_when_the_price_rises(billing):
    hall = billing.subscriber("Barangay hall", billing_terms=BillingTerms(Money(0)))
    billing.bill()
    (service,) = billing.services[hall]
    billing.change_service(service, billing_terms=BillingTerms(Money(50_000)))
    automatic(billing, DECEMBER)
    assert months(billing, hall) == [DECEMBER]


def test_free_month_stays_free_when_the_first_day_moves_to_an_earlier_month(billing):
    hall = billing.subscriber("Barangay hall", billing_terms=BillingTerms(Money(0)))
    billing.bill()
    (service,) = billing.services[hall]
    service = billing.change_service(service, billing_terms=BillingTerms(Money(50_000)))
    billing.change_service(service, billed_from=date(2026, 10, 31))
    automatic(billing, DECEMBER)
    assert months(billing, hall) == [date(2026, 10, 1), DECEMBER]


def test_months_in_a_foreign_currency_are_billed_once_that_is_fixed(billing):
    dollars = billing.plan(1, price=Money(2_000, "USD"), name="Dollar plan")
    juan = billing.subscriber("Juan", dollars)
    billing.bill()
    (service,) = billing.services[juan]
    billing.change_service(service, plan=billing.fiber)
    automatic(billing, DECEMBER)
    assert months(billing, juan) == [NOVEMBER, DECEMBER]


def test_preview_decides_nothing(billing):
    juan = billing.subscriber()
    automatic(billing, DECEMBER)
    maria = billing.subscriber()
    for _ in range(2):
        preview = billing.bill(JANUARY, dry_run=True)
        assert reason(billing, preview, maria) == "bills Dec 2026 and Jan 2027"
        assert preview.amount == Money(450_000)
    assert months(billing, juan) == [NOVEMBER, DECEMBER]


# A login that was terminated and created again


def test_login_created_again_in_a_billed_month_is_skipped_and_named(billing):
    juan = billing.subscriber(pppoe_username="again1")
    billing.bill()
    billing.pay(juan, 150_000)
    billing.terminate(billing.services[juan][0])
    billing.service(juan, pppoe_username="again1")
    why = "Nov 2026 not billed for again1: INV-000001 already bills this login"
    assert reason(billing, billing.bill(dry_run=True), juan) == why
    assert reason(billing, billing.bill(), juan) == why
    assert months(billing, juan) == [NOVEMBER]
    automatic(billing, DECEMBER)
    assert months(billing, juan) == [NOVEMBER, DECEMBER]


def test_login_created_again_is_billed_if_asked_for(billing):
    juan = billing.subscriber(pppoe_username="again1")
    billing.bill()
    billing.terminate(billing.services[juan][0])
    billing.service(juan, pppoe_username="again1")
    assert billing.bill(same_login_too=True).created == 1
    assert months(billing, juan) == [NOVEMBER, NOVEMBER]


def test_other_service_of_that_subscriber_is_billed_and_named(billing):
    juan = billing.subscriber(pppoe_username="again1")
    billing.bill()
    billing.terminate(billing.services[juan][0])
    billing.service(juan, pppoe_username="again1")
    shop = billing.service(juan, pppoe_username="shop")
    run = billing.bill()
    assert reason(billing, run, juan) == "Nov 2026 not billed for again1: INV-000001 already bills this login"
    assert [line.service_id for line in billing.invoices(juan)[-1].lines] == [shop.id]


def test_login_created_again_before_the_run_is_billed_once(billing):
    """For the service that works, not for the one that was terminated."""
    billing.move_to(date(2026, 11, 10))
    juan = billing.subscriber(pppoe_username="again1")
    billing.move_to(date(2026, 11, 23))
    billing.terminate(billing.services[juan][0])
    again = billing.service(juan, pppoe_username="again1")
    run = billing.bill()
    assert [line.service_id for line in billing.invoice(juan).lines] == [again.id]
    assert (
        reason(billing, run, juan) == "Nov 2026 not billed for again1: this invoice already bills this login"
    )
    automatic(billing, DECEMBER)
    assert months(billing, juan) == [NOVEMBER, DECEMBER]


def test_same_login_of_another_subscriber_is_billed(billing):
    juan = billing.subscriber(pppoe_username="again1")
    billing.bill()
    billing.terminate(billing.services[juan][0])
    maria = billing.subscriber("Maria", pppoe_username="again1")
    billing.bill()
    assert months(billing, maria) == [NOVEMBER]


# Voided months


def test_voided_month_is_invoiced_again_only_if_asked_for(billing):
    juan = billing.subscriber(pppoe_username="juan")
    billing.bill()
    billing.void(billing.invoice(juan).id)
    run = billing.bill()
    assert (run.created, reason(billing, run, juan)) == (
        0,
        "Nov 2026 not billed for juan: INV-000001 was voided",
    )
    automatic(billing, DECEMBER)
    assert months(billing, juan) == [DECEMBER]
    billing.bill(NOVEMBER, voided_too=True)
    assert months(billing, juan) == [NOVEMBER, DECEMBER]


# One subscriber


def test_run_for_one_subscriber_bills_nobody_else(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    run = billing.bill(subscriber_id=juan)
    assert (run.total, run.created, run.subscriber_id) == (1, 1, juan)
    assert (months(billing, juan), months(billing, maria)) == ([NOVEMBER], [])


def test_run_for_a_subscriber_who_left_says_that_the_service_ended(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.terminate(billing.services[juan][0])
    run = billing.bill(DECEMBER, subscriber_id=juan)
    assert (run.created, reason(billing, run, juan)) == (0, "the service ended before this period")


def test_closed_service_is_no_longer_looked_at(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.terminate(billing.services[juan][0])
    billing.move_to(billing.today + timedelta(days=1))
    assert billing.bill().total == 0
    with billing.runtime.reading() as session:
        assert session.get_one(ServiceProjection, billing.services[juan][0].id).closed
