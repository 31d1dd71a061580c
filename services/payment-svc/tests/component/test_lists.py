"""Lists of payments, with the names of their subscribers."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from contracts.common import InvalidInput
from contracts.payment import Payment as PaymentApi
from contracts.payment import PaymentMethod, PaymentOrder, PaymentQuery, PaymentView
from contracts.subscriber import SubscriberChanged
from payment_svc.models import Payment
from payment_svc.service import PaymentService
from payment_svc.usecases import projections
from servicekit.ids import new_id
from testkit.component import ServiceUnderTest, client_of


class Payments:
    """The service, with shortcuts to add payments, handle name changes and read lists."""

    def __init__(self, tested: ServiceUnderTest) -> None:
        self.runtime = tested.runtime
        self.api = client_of(PaymentApi, PaymentService, tested.runtime, billing=None, subscriber=None)

    def add(self, minor: int = 150_000, **changes: Any) -> str:
        values = {
            "subscriber_id": "juan",
            "currency": "PHP",
            "method": PaymentMethod.CASH,
            "reference": "",
            "received_on": date(2026, 11, 23),
            "recorded_at": self.runtime.now(),
            "recorded_by": "ana",
        }
        payment = Payment(id=new_id(), amount_minor=minor, **{**values, **changes})
        with self.runtime.transaction() as session:
            session.add(payment)
        return payment.id

    def handle_name(self, subscriber_id: str, name: str, version: int = 1) -> None:
        event = SubscriberChanged(subscriber_id=subscriber_id, version=version, full_name=name)
        with self.runtime.transaction() as session:
            projections.keep_subscriber(session, event)

    def found(self, **query: Any) -> list[str]:
        """The ids on the page."""
        return [view.id for view in self.api.list_payments(PaymentQuery(**query), 50, None).items]

    def walk(self, order: PaymentOrder) -> list[PaymentView]:
        """All payments, page by page."""
        page = self.api.list_payments(PaymentQuery(order=order), 2, None)
        views = page.items
        while page.next is not None:
            page = self.api.list_payments(PaymentQuery(order=order), 2, page.next)
            views += page.items
        return views


@pytest.fixture
def payments(tested: ServiceUnderTest) -> Payments:
    return Payments(tested)


def test_name_is_shown_once_it_is_known(payments):
    payment_id = payments.add()
    assert payments.api.get_payment(payment_id).subscriber_name == ""
    payments.handle_name("juan", "Juan Peña")
    assert payments.api.get_payment(payment_id).subscriber_name == "Juan Peña"
    (listed,) = payments.api.list_payments(PaymentQuery(), 50, None).items
    assert listed.subscriber_name == "Juan Peña"


def test_late_older_name_changes_nothing(payments):
    payment_id = payments.add()
    payments.handle_name("juan", "Juan Cruz", version=2)
    payments.handle_name("juan", "Juan", version=1)
    assert payments.api.get_payment(payment_id).subscriber_name == "Juan Cruz"
    assert payments.found(text="cruz") == [payment_id]
    payments.handle_name("juan", "Pedro", version=3)
    assert payments.found(text="cruz") == []
    assert payments.found(text="pedro") == [payment_id]


def test_search_finds_names_and_references(payments):
    payments.handle_name("juan", "Juan Peña")
    juan = payments.add(reference="OR-1")
    maria = payments.add(subscriber_id="maria", reference="GCash-20260408-001")
    assert payments.found(text="PENA") == payments.found(text="or-") == [juan]
    assert payments.found(text=" gcash-2026 ") == payments.found(text="0408") == [maria]
    assert payments.found(text="%") == payments.found(text="nobody") == []
    assert (
        payments.found(text="") == payments.found(text="  ") == payments.found(text="\x00") == [maria, juan]
    )


def test_filters_are_combined(payments):
    cash = payments.add(received_on=date(2026, 11, 1))
    bank = payments.add(method=PaymentMethod.BANK, received_on=date(2026, 11, 2))
    marias = payments.add(subscriber_id="maria", received_on=date(2026, 11, 3))
    assert payments.found(method=PaymentMethod.CASH) == [marias, cash]
    assert payments.found(subscriber_id="juan") == [bank, cash]
    assert payments.found(received_from=date(2026, 11, 2)) == [marias, bank]
    assert payments.found(received_until=date(2026, 11, 2)) == [bank, cash]
    assert payments.found(received_from=date(2026, 11, 2), received_until=date(2026, 11, 2)) == [bank]
    assert payments.found(subscriber_id="juan", method=PaymentMethod.CASH) == [cash]
    assert payments.found(subscriber_id="juan", received_from=date(2026, 11, 3)) == []


def test_every_order_lists_every_payment_once(payments):
    for number in (3, 1, 2, 2, 5):
        payments.add(number, received_on=date(2026, 11, 20 - number))

    def assert_ordered(order, key, *, descending):
        views = payments.walk(order)
        assert len({view.id for view in views}) == len(views) == 5
        for earlier, later in pairwise(views):
            assert key(earlier) >= key(later) if descending else key(earlier) <= key(later)

    assert_ordered(PaymentOrder.NEWEST, lambda view: view.id, descending=True)
    assert_ordered(PaymentOrder.RECEIVED_ON, lambda view: view.received_on, descending=False)
    assert_ordered(PaymentOrder.RECEIVED_ON_DESCENDING, lambda view: view.received_on, descending=True)
    assert_ordered(PaymentOrder.AMOUNT, lambda view: view.amount.minor, descending=False)
    assert_ordered(PaymentOrder.AMOUNT_DESCENDING, lambda view: view.amount.minor, descending=True)


def test_invalid_cursor_is_refused(payments):
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        payments.api.list_payments(PaymentQuery(order=PaymentOrder.AMOUNT), 2, "nonsense")
