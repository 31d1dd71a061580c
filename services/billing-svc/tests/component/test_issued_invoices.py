"""What an invoice charges: prices, discounts, tax, credit and the days of its period."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from billing_svc.models import LedgerEntry
from contracts.billing import InvoiceStatus, PriceSource
from contracts.billing_runs import ItemOutcome
from contracts.billing_settings import TaxMode
from contracts.common import BillingPeriod
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from sqlalchemy import select


def test_service_added_later_in_the_period_gets_its_own_invoice(billing):
    juan = billing.subscriber()
    billing.bill()
    second = billing.service(juan)
    billing.bill()
    first_invoice, second_invoice = billing.invoices(juan)
    assert [line.service_id for line in second_invoice.lines] == [second.id]
    assert len(first_invoice.lines) == 1


def test_issued_invoice_does_not_change_with_the_plan(billing):
    juan = billing.subscriber()
    (service,) = billing.services[juan]
    billing.bill()
    before = billing.invoice(juan)

    dearer = replace(billing.fiber, version=2, price=Money(200_000), name="Fiber Plus")
    billing.handle_plan(dearer)
    billing.change_service(service, plan=dearer, billing_terms=BillingTerms(Money(1_000)))
    billing.handle_name(juan, "Juan Cruz", version=2)

    assert billing.invoice(juan) == before
    assert before.lines[0].plan_name == "Fiber 50 Mbps"


def test_new_price_applies_to_later_invoices(billing):
    juan = billing.subscriber()
    billing.bill()
    billing.handle_plan(replace(billing.fiber, version=2, price=Money(200_000)))
    billing.move_to(date(2026, 12, 1))
    billing.bill()
    assert [invoice.total.minor for invoice in billing.invoices(juan)] == [150_000, 200_000]


def test_discount_on_an_individual_price_ends_with_its_period(billing):
    terms = BillingTerms(Money(120_050), Discount(DiscountKind.PERCENT, 1_050, until=date(2026, 12, 31)))
    juan = billing.subscriber(billing_terms=terms)
    for day in (date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 1)):
        billing.move_to(day)
        billing.bill()
    november, december, january = (invoice.lines[0] for invoice in billing.invoices(juan))
    # 10.5 % of 120,050 is 12,605.25
    assert (november.price, november.discount_amount, november.amount) == (
        Money(120_050),
        Money(12_605),
        Money(107_445),
    )
    assert november.price_source is PriceSource.INDIVIDUAL
    assert december.amount == november.amount
    assert (january.discount_amount, january.amount) == (Money(0), Money(120_050))


def test_individual_price_of_zero_is_not_the_plan_price(billing):
    free = billing.subscriber("Barangay hall", billing_terms=BillingTerms(Money(0)))
    run = billing.bill()
    assert billing.items(run.id)[free].outcome is ItemOutcome.SKIPPED
    assert billing.invoices(free) == []


def test_vat_is_shown_and_booked_separately(billing):
    billing.set(tax_mode=TaxMode.VAT_INCLUSIVE)
    juan = billing.subscriber("Juan", billing.plan(112_000))
    billing.bill()
    assert billing.invoice(juan).lines[0].tax == Money(12_000)
    with billing.runtime.reading() as session:
        booked = session.execute(select(LedgerEntry.credit_account, LedgerEntry.amount_minor)).all()
    assert sorted(map(tuple, booked)) == [("revenue", 100_000), ("tax_payable", 12_000)]


def test_service_activated_on_the_last_day_is_billed_in_full(billing):
    juan = billing.subscriber(activated_on=date(2026, 11, 30))
    billing.bill()
    assert billing.invoice(juan).total == Money(150_000)


def test_credit_pays_the_new_invoice(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.pay(juan, 40_000)
    billing.pay(juan, 70_000)
    billing.pay(maria, 150_000)
    billing.bill()
    assert billing.invoice(juan).status is InvoiceStatus.PARTIALLY_PAID
    assert billing.invoice(juan).balance == Money(40_000)
    assert billing.invoice(maria).status is InvoiceStatus.PAID
    assert billing.account(maria).credit == Money(0)
    assert billing.ledger_check().differences == []


def test_leap_day_belongs_to_its_period(billing):
    billing.move_to(date(2028, 2, 29))
    juan = billing.subscriber()
    billing.bill()
    invoice = billing.invoice(juan)
    assert invoice.period == BillingPeriod(date(2028, 2, 1), date(2028, 3, 1))
    assert invoice.due_on == date(2028, 3, 15)
