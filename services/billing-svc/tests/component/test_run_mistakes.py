"""Runs for the wrong month: they need confirmation, and can be voided as a whole."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc import jobs
from billing_svc.models import Invoice
from billing_svc.usecases import voiding
from contracts.billing import InvoiceStatus
from contracts.common import Conflict, InvalidInput, NeedsConfirmation, NotFound
from contracts.money import Money
from sqlalchemy import func, select

JUNE = date(2027, 6, 15)
FUTURE = {"confirm": ("future_month",)}


def bill_june(billing):
    """A typing mistake: everyone is billed for June, half a year ahead. November is billed before."""
    billing.bill()
    return billing.bill(JUNE, **FUTURE)


def open_invoices(billing) -> int:
    with billing.runtime.reading() as session:
        return session.scalar(select(func.count()).select_from(Invoice).where(Invoice.state == "open"))


def test_run_for_a_month_after_the_coming_one_needs_confirmation(billing):
    juan = billing.subscriber()
    for day in (date(2027, 1, 1), JUNE):
        with pytest.raises(NeedsConfirmation) as asked:
            billing.start_run(day)
        assert [warning.code for warning in asked.value.warnings] == ["future_month"]
    assert billing.runs() == []
    assert billing.bill(JUNE, dry_run=True).created == 1
    assert billing.bill(date(2026, 12, 31)).created == 1
    assert billing.bill(JUNE, **FUTURE).created == 1
    assert len(billing.invoices(juan)) == 2


def test_voided_run_leaves_nothing_and_its_months_are_billed_in_their_time(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    run = bill_june(billing)
    voided = billing.void_run(run.id)
    assert (voided.created, voided.voided) == (2, 2)
    assert open_invoices(billing) == 2  # of November
    assert billing.account(juan).balance == Money(150_000)
    assert billing.ledger_check().differences == []
    billing.move_to(date(2027, 6, 1))
    billing.tick()
    invoice = billing.invoices(maria)[-1]
    assert [line.period.start.month for line in invoice.lines] == [12, 1, 2, 3, 4, 5, 6]


def test_voided_run_of_this_month_is_made_again_by_the_next(billing):
    juan = billing.subscriber()
    first = billing.bill()
    billing.void_run(first.id)
    again = billing.bill()
    assert (again.created, billing.invoices(juan)[-1].status) == (1, InvoiceStatus.SENT)
    assert billing.bill().created == 0
    billing.void(billing.invoices(juan)[-1].id)
    assert billing.bill().created == 0  # not reopened this time


def test_service_that_ended_in_a_voided_run_is_billed_again(billing):
    juan = billing.subscriber()
    run = billing.bill()
    billing.move_to(billing.today + timedelta(days=2))
    billing.terminate(billing.services[juan][0])
    billing.void_run(run.id)
    assert billing.bill().created == 1
    assert billing.bill().total == 0


def test_service_that_ends_after_its_run_was_voided_is_billed_again(billing):
    juan = billing.subscriber()
    billing.void_run(billing.bill().id)
    billing.move_to(billing.today + timedelta(days=2))
    billing.terminate(billing.services[juan][0])
    assert billing.bill().created == 1
    assert billing.bill().total == 0


def test_voided_run_is_not_billed_again_for_months_before_a_corrected_first_day(billing):
    juan = billing.subscriber(billed_from=date(2026, 9, 1))
    run = billing.bill()
    (service,) = billing.services[juan]
    billing.change_service(service, billed_from=date(2026, 11, 1))
    billing.void_run(run.id)
    billing.bill()
    assert [line.period.start.month for line in billing.invoices(juan)[-1].lines] == [11]


def test_run_with_a_payment_since_is_not_voided(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    run = billing.bill()
    billing.tested.clock.advance(hours=1)
    payment = billing.pay(juan, 1)
    with pytest.raises(Conflict, match="1 of its invoices has been paid since"):
        billing.void_run(run.id)
    assert open_invoices(billing) == 2
    assert billing.account(maria).balance == Money(150_000)
    assert payment


def test_credit_used_by_a_voided_run_is_credit_again(billing):
    juan = billing.subscriber()
    billing.pay(juan, 150_000)
    run = billing.bill()
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    billing.tested.clock.advance(hours=1)
    billing.void_run(run.id)
    assert billing.account(juan).credit == Money(150_000)
    assert billing.ledger_check().differences == []


def test_voiding_a_run_restores_services_that_it_suspended(billing):
    juan = billing.subscriber()
    run = billing.bill()
    billing.move_to(billing.invoice(juan).due_on + timedelta(days=5))
    billing.collect()
    billing.new_events()
    billing.void_run(run.id)
    assert [event.name for event in billing.new_events()] == ["account.settled.v1"]


def test_voiding_a_run_goes_on_where_it_was_interrupted(billing, monkeypatch):
    for number in range(5):
        billing.subscriber(f"Subscriber {number}")
    run = billing.bill()
    monkeypatch.setattr(voiding, "BATCH", 2)
    next_batch, batches = voiding.void_next_of_run, []

    def killed_after_the_first(*args, **kwargs):
        if batches:
            raise ZeroDivisionError("killed")
        batches.append(1)
        return next_batch(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(voiding, "void_next_of_run", killed_after_the_first)
        with pytest.raises(ZeroDivisionError):
            billing.void_run(run.id)
    assert open_invoices(billing) == 3
    for _ in range(2):
        assert billing.void_run(run.id).voided == 5
    assert billing.ledger_check().differences == []


def test_preview_unfinished_run_and_unknown_run_cannot_be_voided(billing):
    billing.subscriber()
    with pytest.raises(Conflict, match="preview"):
        billing.void_run(billing.bill(dry_run=True).id)
    with pytest.raises(Conflict, match="in progress"):
        billing.void_run(billing.start_run())
    with pytest.raises(NotFound):
        billing.void_run("nothing")
    with pytest.raises(InvalidInput):
        jobs.void_run(billing.runtime, voiding.VoidBillingRun(run_id="nothing", reason="x" * 501))


def test_voided_invoice_is_billed_again_by_the_next_run_if_asked_for(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.void(billing.invoice(juan).id, bill_again=True)
    assert billing.bill().created == 1
