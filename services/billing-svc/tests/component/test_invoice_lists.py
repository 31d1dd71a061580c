"""Lists of invoices: search, filters and order; and what an invoice shows."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from billing_svc.queries import invoices
from contracts.billing import InvoiceOrder, InvoiceQuery, InvoiceStatus, InvoiceSummary
from contracts.common import InvalidInput

SENT, PARTLY, OVERDUE, PAID, VOID = (
    InvoiceStatus.SENT,
    InvoiceStatus.PARTIALLY_PAID,
    InvoiceStatus.OVERDUE,
    InvoiceStatus.PAID,
    InvoiceStatus.VOID,
)


def page(billing, limit: int = 50, after: str | None = None, **query: Any):
    with billing.runtime.reading() as session:
        return invoices.list_invoices(session, InvoiceQuery(**query), limit, after, billing.today)


def numbers(billing, **query: Any) -> list[str]:
    return [view.number for view in page(billing, **query).items]


def walk(billing, order: InvoiceOrder) -> list[InvoiceSummary]:
    found = page(billing, 2, order=order)
    views = found.items
    while found.next is not None:
        found = page(billing, 2, found.next, order=order)
        views += found.items
    return views


@pytest.fixture(scope="module")
def billed(make_billing, make_tested):
    """What `bill_three` creates, for tests that only read it."""
    billing = make_billing(make_tested())
    bill_three(billing)
    return billing


def bill_three(billing) -> None:
    """Create INV-000001 to INV-000003 of Juan Peña, Pedro and Maria, issued in December."""
    billing.move_to(date(2026, 12, 1))
    for name in ("Juan Peña", "Pedro Reyes", "Maria Santos"):
        billing.subscriber(name)
    billing.bill()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INV-000002", ["INV-000002"]),
        ("inv-000002", ["INV-000002"]),
        (" 2 ", ["INV-000002"]),
        ("000002", ["INV-000002"]),
        ("INV-00000", ["INV-000003", "INV-000002", "INV-000001"]),
        ("pena", ["INV-000001"]),
        ("REYES", ["INV-000002"]),
        ("a s", ["INV-000003"]),
        ("", ["INV-000003", "INV-000002", "INV-000001"]),
        ("nobody", []),
        ("%", []),
        ("9" * 40, []),
        ("\ud83d", ["INV-000003", "INV-000002", "INV-000001"]),
    ],
)
def test_search_finds_numbers_and_names(billed, text, found):
    assert numbers(billed, text=text) == found


def test_digits_find_the_number_in_every_series(billing):
    bill_three(billing)
    billing.set(invoice_series="B")
    billing.move_to(date(2027, 1, 1))
    billing.bill()
    assert numbers(billing, text="1") == ["B-000001", "INV-000001"]


def test_name_shared_by_many_subscribers_is_found(billed, monkeypatch):
    monkeypatch.setattr(invoices, "FEW_SUBSCRIBERS", 1)
    assert numbers(billed, text="r") == ["INV-000003", "INV-000002"]


def test_new_name_of_a_subscriber_finds_older_invoices(billing):
    bill_three(billing)
    (juan,) = (view.subscriber_id for view in page(billing, text="peña").items)
    billing.handle_name(juan, "Juan Cruz", version=2)
    assert numbers(billing, text="cruz") == ["INV-000001"]
    assert numbers(billing, text="peña") == []


@pytest.fixture(scope="module")
def mixed(make_billing, make_tested):
    """One invoice of each status, for tests that only read them."""
    billing = make_billing(make_tested())
    billing.move_to(date(2026, 12, 1))
    people = {status: billing.subscriber(status) for status in (OVERDUE, PAID, VOID)}
    billing.bill()
    billing.pay(people[PAID], 150_000)
    billing.void(billing.invoice(people[VOID]).id)
    billing.move_to(date(2027, 1, 1))
    for status in (PAID, VOID, OVERDUE):  # so that they are not billed again
        for service in billing.services[people[status]]:
            billing.change_service(service, status="terminated")
    people |= {status: billing.subscriber(status) for status in (SENT, PARTLY)}
    billing.bill()
    billing.pay(people[PARTLY], 1)
    return billing


@pytest.mark.parametrize(
    "statuses",
    [
        *((status,) for status in InvoiceStatus),
        (SENT, PARTLY),
        (OVERDUE, PARTLY),
        (SENT, OVERDUE),
        (SENT, PARTLY, OVERDUE),
        (PAID, VOID),
        (VOID, PARTLY, SENT),
        tuple(InvoiceStatus),
    ],
    ids=lambda statuses: "-".join(statuses),
)
def test_filter_by_several_statuses_finds_each_of_them(mixed, statuses):
    found = page(mixed, statuses=statuses).items
    assert {view.status for view in found} == set(statuses)
    assert len(found) == len(statuses)


def test_filters_are_combined(mixed):
    (partly,) = page(mixed, statuses=(PARTLY,)).items
    for query in ({"text": partly.number}, {"subscriber_id": partly.subscriber_id}):
        assert numbers(mixed, statuses=(PARTLY,), **query) == [partly.number]
        assert numbers(mixed, statuses=(PAID,), **query) == []


def test_every_order_lists_every_invoice_once(billing):
    billing.move_to(date(2026, 12, 1))
    plans = [billing.plan(minor) for minor in (300, 100, 200)]
    for number, plan in enumerate([*plans, plans[0]]):
        billing.subscriber(f"subscriber {number}", plan)
    billing.bill()
    billing.move_to(date(2027, 1, 1))
    billing.bill()

    def assert_ordered(order, key, *, descending):
        views = walk(billing, order)
        assert len({view.id for view in views}) == len(views) == 8
        for earlier, later in pairwise(views):
            assert key(earlier) >= key(later) if descending else key(earlier) <= key(later)

    assert_ordered(InvoiceOrder.NEWEST, lambda view: view.number, descending=True)
    assert_ordered(InvoiceOrder.DUE_ON, lambda view: view.due_on, descending=False)
    assert_ordered(InvoiceOrder.DUE_ON_DESCENDING, lambda view: view.due_on, descending=True)
    assert_ordered(InvoiceOrder.TOTAL, lambda view: view.total.minor, descending=False)
    assert_ordered(InvoiceOrder.TOTAL_DESCENDING, lambda view: view.total.minor, descending=True)


def test_invalid_cursor_is_refused(billing):
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        page(billing, after="nonsense", order=InvoiceOrder.TOTAL)


def test_invoice_shows_when_it_was_created_and_voided(billing):
    juan = billing.subscriber()
    created_at = billing.runtime.now()
    billing.bill()
    invoice = billing.invoice(juan)
    assert (invoice.created_at, invoice.voided_at, invoice.voided_by) == (created_at, None, None)
    billing.tested.clock.advance(hours=1)
    billing.void(invoice.id, "a mistake")
    voided = billing.invoice(juan)
    assert (voided.created_at, voided.voided_at) == (created_at, billing.runtime.now())
    assert (voided.voided_by, voided.void_reason) == ("ana", "a mistake")
