"""Every amount is in the currency of the settings, whichever that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

import pytest
from billing_svc.lookups import load_settings
from billing_svc.service import BillingService
from contracts.billing import AccountOverdue, Billing, InvoiceQuery
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from testkit.component import client_of


def currencies(value: Any) -> Iterator[str]:
    """The currency of every amount within `value`."""
    if isinstance(value, Money):
        yield value.currency
    elif is_dataclass(value):
        for field in fields(value):
            yield from currencies(getattr(value, field.name))
    elif isinstance(value, list):
        for item in value:
            yield from currencies(item)


@pytest.fixture
def dollars(billing):
    with billing.runtime.transaction() as session:
        load_settings(session, lock=True).currency = "USD"
    return billing


def test_amounts_are_in_the_currency_of_the_settings(dollars):
    plan = dollars.plan(price=Money(2_000, "USD"), name="Dollar plan")
    terms = BillingTerms(Money(1_500, "USD"), Discount(DiscountKind.PERCENT, 1_000))
    john = dollars.subscriber("John", plan, billing_terms=terms)
    run = dollars.bill()
    payment_id = dollars.pay(john, 100, amount=Money(100, "USD"))
    until = dollars.today + timedelta(days=30)
    api = client_of(Billing, BillingService, dollars.runtime)

    shown = [
        run,
        api.list_billing_runs(10, None),
        api.list_billing_run_items(run.id, None, 10, None),
        dollars.invoices(john),
        api.list_invoices(InvoiceQuery(), 10, None),
        api.get_account(john),
        api.find_allocations(payment_id),
        api.list_ledger_entries(john, 10, None),
        api.check_ledger(),
        api.get_receivables(),
        api.list_aging(),
        api.list_days_collected(2),
        api.list_suspensions_due(until, 10, None),
        api.list_account_events(john, 10),
    ]
    for view in shown:
        assert set(currencies(view)) == {"USD"}, view
    assert dollars.account(john).balance == Money(1_250, "USD")


def test_suspensions_are_in_the_currency_of_the_settings(dollars):
    john = dollars.subscriber("John", dollars.plan(price=Money(2_000, "USD"), name="Dollar plan"))
    dollars.overdue_since(john, days=5)
    dollars.new_events()
    suspended = dollars.collect()
    assert suspended.suspended == 1
    (overdue,) = (event for event in dollars.new_events() if isinstance(event, AccountOverdue))
    assert overdue.overdue == Money(2_000, "USD")
    dollars.pay(john, 2_000, amount=Money(2_000, "USD"))
    assert set(currencies(suspended)) == {"USD"}
    assert dollars.account(john).balance == Money(0, "USD")
