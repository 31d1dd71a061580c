"""Payments on invoices: every centavo is counted exactly once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from billing_svc.queries import accounts, invoices, receivables, runs
from billing_svc.usecases import projections, settlement, voiding
from contracts.billing import InvoiceQuery, InvoiceStatus, VoidInvoice
from contracts.common import Conflict, InvalidInput, NotFound
from contracts.money import Money
from sqlalchemy import event
from testkit.component import while_held


def months(billing, count: int) -> str:
    """A subscriber with `count` unpaid invoices of 1,500.00, issued on the second of each month."""
    billing.move_to(date(2026, 12, 2))
    juan = billing.subscriber()
    for month in range(count):
        billing.move_to(date(2027, month, 2) if month else date(2026, 12, 2))
        billing.bill()
    return juan


def balances(billing, subscriber_id: str) -> list[int]:
    return [invoice.balance.minor for invoice in billing.invoices(subscriber_id)]


def allocations(billing, payment_id: str) -> list[tuple[str, int]] | None:
    with billing.runtime.reading() as session:
        found = invoices.find_allocations(session, payment_id)
    return None if found is None else sorted((view.invoice_number, view.amount.minor) for view in found)


def test_full_payment_pays_the_invoice(billing):
    juan = months(billing, 1)
    payment = billing.pay(juan, 150_000)
    invoice = billing.invoice(juan)
    assert (invoice.status, invoice.balance) == (InvoiceStatus.PAID, Money(0))
    assert [(part.payment_id, part.amount) for part in invoice.allocations] == [(payment, Money(150_000))]


def test_partial_payment_leaves_a_balance(billing):
    juan = months(billing, 1)
    billing.pay(juan, 1)
    assert billing.invoice(juan).status is InvoiceStatus.PARTIALLY_PAID
    billing.pay(juan, 149_999)
    assert billing.invoice(juan).status is InvoiceStatus.PAID


def test_one_payment_pays_several_invoices_oldest_first(billing):
    juan = months(billing, 3)
    payment = billing.pay(juan, 350_000)
    assert balances(billing, juan) == [0, 0, 100_000]
    assert allocations(billing, payment) == [
        ("INV-000001", 150_000),
        ("INV-000002", 150_000),
        ("INV-000003", 50_000),
    ]


def test_overpayment_is_credit(billing):
    juan = months(billing, 1)
    billing.pay(juan, 200_000)
    account = billing.account(juan)
    assert (account.balance, account.credit, account.overdue) == (Money(-50_000), Money(50_000), Money(0))


def test_preferred_invoice_is_paid_first_then_the_oldest(billing):
    juan = months(billing, 3)
    third = billing.invoices(juan)[2]
    billing.pay(juan, 200_000, invoice_id=third.id)
    assert balances(billing, juan) == [100_000, 150_000, 0]


def test_payment_never_pays_the_invoice_of_another_subscriber(billing):
    juan, maria = billing.subscriber("Juan"), billing.subscriber("Maria")
    billing.bill()
    billing.pay(juan, 100_000, invoice_id=billing.invoice(maria).id)
    billing.pay(juan, 10_000, invoice_id="no such invoice")
    assert billing.invoice(maria).balance == Money(150_000)
    assert billing.invoice(juan).balance == Money(40_000)


def test_payment_handled_twice_counts_once(billing):
    juan = months(billing, 1)
    event = billing.payment(juan, 100_000)
    billing.handle_payment(event)
    billing.handle_payment(event)
    assert balances(billing, juan) == [50_000]
    assert billing.ledger_check().differences == []


def test_payment_of_an_unknown_subscriber_is_kept_as_credit(billing):
    event = billing.payment("unknown", 150_000)
    billing.handle_payment(event)
    assert billing.account("unknown").credit == Money(150_000)

    billing.handle_name("unknown", "Pedro Reyes")
    billing.service("unknown")
    billing.bill()
    invoice = billing.invoice("unknown")
    assert (invoice.subscriber_name, invoice.status) == ("Pedro Reyes", InvoiceStatus.PAID)
    assert billing.account("unknown").balance == Money(0)


def test_allocations_of_an_unknown_payment_are_none(billing):
    assert allocations(billing, "unknown") is None
    assert allocations(billing, billing.pay("somebody", 100)) == []


def test_collected_amount_counts_the_day_received(billing):
    billing.pay("juan", 100, received_on=date(2026, 10, 31))
    billing.pay("juan", 1_000, received_on=date(2026, 11, 1))
    billing.pay("juan", 10_000)
    with billing.runtime.reading() as session:
        figures = receivables.get_receivables(session, billing.today)
    assert (figures.collected_today, figures.collected_this_month) == (Money(10_000), Money(11_000))


@contextmanager
def counted(billing):
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    engine = billing.runtime.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_payment_that_becomes_credit_looks_at_no_other_payment(billing):
    with counted(billing) as first:
        billing.pay("juan", 100)
    for _ in range(10):
        billing.pay("juan", 100)
    with counted(billing) as last:
        billing.pay("juan", 100)
    assert len(last) == len(first)


def test_invoice_is_paid_by_as_many_payments_as_it_takes(billing):
    juan = billing.subscriber()
    for _ in range(10):
        billing.pay(juan, 40_000)
    billing.bill()
    invoice = billing.invoice(juan)
    assert invoice.status is InvoiceStatus.PAID
    assert [part.amount.minor for part in invoice.allocations] == [40_000, 40_000, 40_000, 30_000]
    assert billing.account(juan).credit == Money(250_000)


# Voiding


def test_voiding_moves_a_partial_payment_to_the_next_open_invoice(billing):
    juan = months(billing, 2)
    payment = billing.pay(juan, 100_000)
    first, second = billing.invoices(juan)
    billing.void(first.id)
    voided, paid_on = billing.invoices(juan)
    assert (voided.status, voided.balance, voided.allocations) == (InvoiceStatus.VOID, Money(0), [])
    assert paid_on.balance == Money(50_000)
    assert allocations(billing, payment) == [(second.number, 100_000)]
    assert billing.ledger_check().differences == []


def test_voiding_leaves_credit_that_pays_the_next_invoice(billing):
    juan = months(billing, 1)
    billing.pay(juan, 100_000)
    billing.void(billing.invoice(juan).id)
    assert billing.account(juan).credit == Money(100_000)
    assert billing.account(juan).balance == Money(-100_000)

    billing.bill(voided_too=True)
    voided, again = billing.invoices(juan)
    assert (voided.number, again.number) == ("INV-000001", "INV-000002")  # numbers are never reused
    assert again.balance == Money(50_000)


def test_voiding_twice_changes_nothing_more(billing):
    juan = months(billing, 1)
    billing.pay(juan, 100_000)
    billing.void(billing.invoice(juan).id)
    billing.void(billing.invoice(juan).id, "another reason")
    assert billing.account(juan).credit == Money(100_000)
    assert billing.ledger_check().differences == []


def test_paid_invoice_cannot_be_voided(billing):
    juan = months(billing, 1)
    billing.pay(juan, 150_000)
    with pytest.raises(Conflict, match="INV-000001 is paid"):
        billing.void(billing.invoice(juan).id)


def test_unknown_invoice_or_bad_reason_is_refused(billing):
    juan = months(billing, 1)
    with pytest.raises(NotFound):
        billing.void("no such invoice")
    for reason in ("x" * 501, "bell\x07", "nul\x00", "\ud800"):
        with pytest.raises(InvalidInput) as refused:
            billing.void(billing.invoice(juan).id, reason)
        assert refused.value.errors[0].field == "reason"
    billing.void(billing.invoice(juan).id, "  two\nlines, Peña ")


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_during_a_void_becomes_credit(billing):
    juan = months(billing, 1)
    invoice = billing.invoice(juan)
    payment = billing.payment(juan, 150_000, invoice_id=invoice.id)
    replica = billing.tested.another().runtime

    def pay():
        with replica.transaction() as session:
            settlement.apply_payment(session, payment, now=replica.now(), today=billing.today)

    def void(session):
        command = VoidInvoice(invoice_id=invoice.id)
        voiding.void_invoice(session, command, now=replica.now(), today=billing.today)

    while_held(billing.tested, void, pay)
    assert billing.invoice(juan).status is InvoiceStatus.VOID
    assert billing.account(juan).credit == Money(150_000)
    assert billing.ledger_check().differences == []


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_invoice_paid_during_a_void_stays_paid(billing):
    juan = months(billing, 1)
    invoice = billing.invoice(juan)
    payment = billing.payment(juan, 150_000)
    replica = billing.tested.another().runtime

    def void():
        with replica.transaction() as session:
            command = VoidInvoice(invoice_id=invoice.id)
            voiding.void_invoice(session, command, now=replica.now(), today=billing.today)

    def pay(session):
        settlement.apply_payment(session, payment, now=replica.now(), today=billing.today)

    with pytest.raises(Conflict):
        while_held(billing.tested, pay, void)
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    assert billing.ledger_check().differences == []


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_concurrent_payments_pay_every_centavo_once(billing):
    juan = months(billing, 1)
    first, second = billing.payment(juan, 100_000), billing.payment(juan, 100_000)
    replica = billing.tested.another().runtime

    def rival():
        with replica.transaction() as session:
            settlement.apply_payment(session, second, now=replica.now(), today=billing.today)

    while_held(
        billing.tested,
        lambda session: settlement.apply_payment(session, first, now=replica.now(), today=billing.today),
        rival,
    )
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    assert billing.account(juan).credit == Money(50_000)


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_handled_by_two_replicas_counts_once(billing):
    juan = months(billing, 1)
    event = billing.payment(juan, 100_000)
    replica = billing.tested.another().runtime

    def rival():
        with replica.transaction() as session:
            settlement.apply_payment(session, event, now=replica.now(), today=billing.today)

    while_held(
        billing.tested,
        lambda session: settlement.apply_payment(session, event, now=replica.now(), today=billing.today),
        rival,
    )
    assert balances(billing, juan) == [50_000]


# Lists


def test_status_filter_agrees_with_the_shown_status(billing):
    billing.move_to(date(2026, 12, 2))
    names = ("sent", "partly", "paid", "void", "overdue", "overdue partly")
    subscribers = {name: billing.subscriber(name) for name in names}
    billing.bill()
    first = {name: billing.invoice(subscriber_id) for name, subscriber_id in subscribers.items()}
    billing.pay(subscribers["partly"], 1)
    billing.pay(subscribers["overdue partly"], 1)
    billing.pay(subscribers["paid"], 150_000)
    billing.void(first["void"].id)
    for day in (first["sent"].due_on, date(2026, 12, 18), date(2027, 1, 2)):
        billing.move_to(day)
        everything = billing.invoices()
        with billing.runtime.reading() as session:
            for status in InvoiceStatus:
                page = invoices.list_invoices(
                    session, InvoiceQuery(statuses=(status,)), 200, None, billing.today
                )
                assert {view.id for view in page.items} == {
                    view.id for view in everything if view.status is status
                }
                assert all(view.status is status for view in page.items)
    assert {view.status for view in everything} == {
        InvoiceStatus.OVERDUE,
        InvoiceStatus.PAID,
        InvoiceStatus.VOID,
    }
    assert {view.days_overdue for view in everything} == {0, 16}


def test_pages_contain_every_item_once(billing):
    for number in range(5):
        billing.subscriber(f"Subscriber {number}")
    run = billing.bill()
    payer = billing.invoices()[0].subscriber_id
    for _ in range(4):
        billing.pay(payer, 100)

    def walk(fetch):
        seen, after = [], None
        while True:
            page = fetch(after)
            assert len(page.items) <= 2
            seen += page.items
            if page.next is None:
                return seen
            after = page.next

    with billing.runtime.reading() as session:
        everything = walk(
            lambda after: invoices.list_invoices(session, InvoiceQuery(), 2, after, billing.today)
        )
        items = walk(lambda after: runs.list_billing_run_items(session, run.id, None, 2, after))
        entries = walk(lambda after: accounts.list_ledger_entries(session, payer, 2, after))
    assert len({view.id for view in everything}) == len(everything) == 5
    assert len({view.subscriber_id for view in items}) == len(items) == 5
    assert len({view.id for view in entries}) == len(entries) == 5
    assert sum(entry.amount.minor for entry in entries if entry.kind == "payment") == 400


@pytest.mark.parametrize("cursor", ["²", "x", "-1", "9" * 30, "\x00"])
def test_invalid_ledger_cursor_is_refused(billing, cursor):
    with billing.runtime.reading() as session, pytest.raises(InvalidInput):
        accounts.list_ledger_entries(session, "juan", 10, cursor)


def test_accounts_come_in_the_requested_order(billing):
    billing.pay("b", 100)
    with billing.runtime.reading() as session:
        views = accounts.list_accounts(session, ["unknown", "b", "a"], billing.today)
    assert [(view.subscriber_id, view.credit.minor) for view in views] == [
        ("unknown", 0),
        ("b", 100),
        ("a", 0),
    ]


# Copies of other services' data


def test_events_with_older_versions_change_nothing(billing):
    juan = billing.subscriber("Juan", billing.plan(1_000))
    (service,) = billing.services[juan]
    newer = billing.change_service(service, plan=replace(service.plan, version=3, price=Money(3_000)))
    billing.handle_service(service)
    billing.handle_plan(replace(service.plan, version=2, price=Money(2_000)))
    billing.handle_name(juan, "Juan III", version=3)
    billing.handle_name(juan, "Juan II", version=2)
    billing.handle_service(newer)
    billing.bill()
    invoice = billing.invoice(juan)
    assert (invoice.subscriber_name, invoice.total) == ("Juan III", Money(3_000))


def test_service_event_can_arrive_before_its_subscriber_and_plan(billing):
    plan = replace(billing.fiber, id="unknown plan", version=7)
    service = billing.service("early", plan)
    billing.handle_plan(replace(plan, version=6, price=Money(1)))
    billing.handle_name("early", "Early Bird")
    billing.bill()
    invoice = billing.invoice("early")
    assert (invoice.subscriber_name, invoice.total) == ("Early Bird", Money(150_000))
    assert invoice.lines[0].service_id == service.id


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_newer_of_two_concurrent_first_events_wins(billing):
    juan = billing.subscriber()
    (service,) = billing.services[juan]
    fresh = replace(service, id="fresh", version=1)
    newer = replace(fresh, version=2, pppoe_username="newer")
    replica = billing.tested.another().runtime

    def rival():
        with replica.transaction() as session:
            projections.keep_service(session, fresh)

    while_held(billing.tested, lambda session: projections.keep_service(session, newer), rival)
    billing.bill()
    assert any("newer" in line.description for line in billing.invoice(juan).lines)
