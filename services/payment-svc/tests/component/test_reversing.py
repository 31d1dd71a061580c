"""Reversing and moving payments: a further entry with a reason, once, however often it is repeated."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from contracts.common import Conflict, IdempotencyMismatch, InvalidInput, NotFound, Unavailable
from contracts.money import Money
from contracts.payment import (
    MovePayment,
    PaymentMethod,
    PaymentQuery,
    PaymentReceived,
    PaymentReversed,
    PaymentView,
    RecordPayment,
    ReversePayment,
)
from contracts.payment import Payment as PaymentApi
from payment_svc.models import Payment, PaymentReversal
from payment_svc.service import PaymentService
from payment_svc.usecases import reversing
from sqlalchemy import func, select
from testkit.component import ServiceUnderTest, client_of, while_held

RECEIVED_ON = date(2026, 11, 20)


class KnownSubscribers:
    """subscriber-svc, as far as payment-svc calls it."""

    def get_subscriber(self, subscriber_id: str) -> SimpleNamespace:
        if subscriber_id not in ("juan", "maria"):
            raise NotFound(f"there is no subscriber {subscriber_id}")
        return SimpleNamespace(created_at=datetime(2026, 1, 1, tzinfo=UTC), services=[])


class NoBilling:
    def preview_payment(self, subscriber_id: str, amount: Money, invoice_id: str | None) -> None:
        raise Unavailable("billing is not running")


class PaymentUnderTest:
    def __init__(self, tested: ServiceUnderTest) -> None:
        self.tested = tested
        self.api = client_of(
            PaymentApi,
            PaymentService,
            tested.runtime,
            billing=None,
            optional_billing=NoBilling(),
            subscriber=KnownSubscribers(),
        )

    def record(self, *confirm: str) -> PaymentView:
        """A payment of Juan, whose event is not in `new_events`."""
        command = RecordPayment(
            subscriber_id="juan",
            amount=Money(150_000),
            method=PaymentMethod.GCASH,
            reference="G-1",
            received_on=RECEIVED_ON,
            actor="ana",
            confirm=confirm,
        )
        view = self.api.record_payment(command)
        self.tested.new_events()
        return view

    def reverse(self, payment_id: str, reason: str = "wrong amount", **changes: Any) -> PaymentView:
        return self.api.reverse_payment(
            ReversePayment(payment_id=payment_id, reason=reason, actor="ben", **changes)
        )

    def move(self, payment_id: str, subscriber_id: str = "maria", **changes: Any) -> PaymentView:
        command = MovePayment(
            payment_id=payment_id,
            subscriber_id=subscriber_id,
            reason="other Maria",
            actor="ben",
            **changes,
        )
        return self.api.move_payment(command)

    def counts(self) -> tuple[int, int]:
        """The number of payments and of reversals."""
        with self.tested.runtime.reading() as session:
            return tuple(
                session.scalar(select(func.count()).select_from(model))
                for model in (Payment, PaymentReversal)
            )


@pytest.fixture
def payment(tested: ServiceUnderTest) -> PaymentUnderTest:
    return PaymentUnderTest(tested)


def test_reversal_says_why_who_and_when_and_is_published(payment):
    view = payment.record()
    found = payment.reverse(view.id, " wrong amount ")
    reversal = found.reversal
    assert (reversal.reason, reversal.reversed_by, reversal.moved_to) == ("wrong amount", "ben", None)
    assert reversal.counts_on == payment.tested.runtime.today()
    assert payment.api.get_payment(view.id) == found
    assert payment.tested.new_events() == [
        PaymentReversed(
            payment_id=view.id,
            subscriber_id="juan",
            amount=Money(150_000),
            method=PaymentMethod.GCASH,
            received_on=RECEIVED_ON,
            counts_on=payment.tested.runtime.today(),
            reversed_at=payment.tested.runtime.now(),
        )
    ]


def test_moved_payment_keeps_day_method_and_reference_and_is_linked_both_ways(payment):
    view = payment.record()
    moved = payment.move(view.id)
    assert (moved.subscriber_id, moved.amount, moved.method) == (
        "maria",
        Money(150_000),
        PaymentMethod.GCASH,
    )
    assert (moved.reference, moved.received_on, moved.recorded_by) == ("G-1", RECEIVED_ON, "ben")
    old = payment.api.get_payment(view.id)
    assert (old.reversal.moved_to, moved.moved_from) == (moved.id, view.id)
    assert old.reversal.counts_on == RECEIVED_ON
    received, reversed_ = payment.tested.new_events()
    assert isinstance(received, PaymentReceived)
    assert (received.payment_id, received.paid_at) == (moved.id, payment.tested.runtime.now())
    assert isinstance(reversed_, PaymentReversed)
    assert (reversed_.payment_id, reversed_.subscriber_id) == (view.id, "juan")


def test_lists_show_reversals(payment):
    view = payment.record()
    moved = payment.move(view.id)
    listed = payment.api.list_payments(PaymentQuery(), 10, None).items
    assert [(each.id, each.moved_from, each.reversal is not None) for each in listed] == [
        (moved.id, view.id, False),
        (view.id, None, True),
    ]


def test_reversed_payment_cannot_be_reversed_or_moved_again(payment):
    reversed_, moved = payment.record(), payment.record("reference_used")
    payment.reverse(reversed_.id)
    payment.move(moved.id)
    payment.tested.new_events()
    for view, words in ((reversed_, "reversed by ben"), (moved, "moved to another subscriber by ben")):
        for attempt in (payment.reverse, payment.move):
            with pytest.raises(Conflict, match=words):
                attempt(view.id)
    assert payment.counts() == (3, 2)
    assert payment.tested.new_events() == []


def test_moved_payment_can_be_moved_back(payment):
    view = payment.record()
    back = payment.move(payment.move(view.id).id, "juan")
    assert (back.subscriber_id, back.received_on) == ("juan", RECEIVED_ON)


def test_reference_of_a_reversed_payment_counts_as_unused(payment):
    payment.reverse(payment.record().id)
    assert payment.record().same_reference == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("reason", {"reason": " "}),
        ("reason", {"reason": "x" * 501}),
        ("reason", {"reason": "bell\x07"}),
        ("subscriber_id", {"subscriber_id": "nobody"}),
        ("subscriber_id", {"subscriber_id": "juan"}),
    ],
)
def test_error_of_a_move_names_the_field_and_nothing_is_saved(payment, field, changes):
    view = payment.record()
    command = {"payment_id": view.id, "subscriber_id": "maria", "reason": "other Maria"} | changes
    with pytest.raises(InvalidInput) as refused:
        payment.api.move_payment(MovePayment(**command))
    assert [wrong.field for wrong in refused.value.errors] == [field]
    assert payment.counts() == (1, 0)
    assert payment.tested.new_events() == []


def test_unknown_payment_cannot_be_reversed(payment):
    with pytest.raises(NotFound):
        payment.reverse("nothing")


def test_double_click_reverses_or_moves_once(payment):
    first, second = payment.record(), payment.record("reference_used")
    answers = [payment.reverse(first.id, idempotency_key="one") for _ in range(2)]
    assert answers[0] == answers[1]
    answers = [payment.move(second.id, idempotency_key="two") for _ in range(2)]
    assert answers[0] == answers[1]
    assert payment.counts() == (3, 2)
    with pytest.raises(IdempotencyMismatch):
        payment.reverse(first.id, "another reason", idempotency_key="one")


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_reversal_and_move_at_the_same_time_leave_one_of_them(payment):
    view = payment.record()
    replica = PaymentUnderTest(payment.tested.another())
    runtime = payment.tested.runtime

    def hold(session):
        command = ReversePayment(payment_id=view.id, reason="wrong amount", actor="ana")
        reversing.reverse_payment(session, command, now=runtime.now(), today=runtime.today())

    def move():
        with pytest.raises(Conflict, match="already reversed by ana"):
            replica.move(view.id)

    while_held(payment.tested, hold, move)
    assert payment.counts() == (1, 1)
