"""What every implementation of the payment contract must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.billing import VoidInvoice
from contracts.common import Conflict, IdempotencyMismatch, NeedsConfirmation, NotFound
from contracts.payment import MovePayment, PaymentMethod, PaymentOrder, PaymentQuery, ReversePayment
from testkit.examples import START

from tests.contract.behavior.backends import Backend, payment_command
from tests.contract.behavior.checks import assert_invalid, assert_pages

TODAY = START.date()


def test_unknown_payment_is_not_found(isp: Backend) -> None:
    with pytest.raises(NotFound):
        isp.payment.get_payment("nothing")


def test_payment_is_recorded_as_received_today(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan dela Cruz")

    payment = isp.pay(juan.id, 50_000, reference=" GCash-1 ")

    assert (payment.subscriber_id, payment.amount.minor, payment.recorded_by) == (juan.id, 50_000, "ana")
    assert payment.subscriber_name == "Juan dela Cruz"
    assert payment.reference == "GCash-1"
    assert payment.received_on == TODAY
    assert isp.payment.get_payment(payment.id) == payment


def test_payment_that_cannot_be_recorded_names_the_field(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")

    for field, changes in (
        ("subscriber_id", {"subscriber_id": "nothing"}),
        ("invoice_id", {"invoice_id": "nothing"}),
        ("amount", {"amount": 0}),
        ("amount", {"amount": -1}),
        ("received_on", {"received_on": TODAY + timedelta(days=1)}),
    ):
        with assert_invalid(field):
            isp.pay(**{"subscriber_id": juan.id, "amount": 50_000, **changes})

    assert isp.payment.list_payments(PaymentQuery(), 10, None).items == []


def test_payment_for_another_subscribers_or_void_invoice_is_refused(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    ana = isp.new_subscriber("Ana")

    with assert_invalid("invoice_id"):
        isp.pay(ana.id, 50_000, invoice_id=invoice.id)
    isp.billing.void_invoice(VoidInvoice(invoice_id=invoice.id))
    with assert_invalid("invoice_id"):
        isp.pay(invoice.subscriber_id, 50_000, invoice_id=invoice.id)


def test_repeated_payment_gets_the_first_answer(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    command = payment_command(juan.id, 50_000, idempotency_key="pay-1")
    first = isp.payment.record_payment(command)

    assert isp.payment.record_payment(command) == first
    assert len(isp.payment.list_payments(PaymentQuery(), 10, None).items) == 1
    with pytest.raises(IdempotencyMismatch):
        isp.payment.record_payment(replace(command, reference="other"))


def test_payment_that_looks_like_a_mistake_needs_confirmation(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    first = isp.pay(juan.id, 50_000, reference="GCash-1")

    def codes(amount: int = 50_000, **changes) -> list[str]:
        with pytest.raises(NeedsConfirmation) as asked:
            isp.payment.record_payment(payment_command(juan.id, amount, confirm=(), **changes))
        assert len(isp.payment.list_payments(PaymentQuery(), 10, None).items) == 1
        if "reference" in changes:
            assert asked.value.warnings[0].data == {"payment_id": first.id}
        return [warning.code for warning in asked.value.warnings]

    assert codes(reference="GCash-1") == ["reference_used"]
    assert codes(received_on=TODAY - timedelta(days=1)) == ["date_before_customer"]
    assert codes(received_on=TODAY - timedelta(days=61)) == ["date_old", "date_before_customer"]
    assert codes(300_001) == ["amount_high"]  # a month costs 1,500.00


def test_second_payment_with_a_reference_names_the_first(isp: Backend) -> None:
    juan, ana = isp.new_subscriber("Juan"), isp.new_subscriber("Ana")

    first = isp.pay(juan.id, 50_000, reference="GCash-1")
    second = isp.pay(ana.id, 50_000, reference="GCash-1")

    assert first.same_reference == []
    assert second.same_reference == [first.id]
    assert isp.pay(ana.id, 50_000).same_reference == []
    assert isp.pay(ana.id, 50_000).same_reference == []  # no reference is no match


def test_reversed_payment_does_not_count(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    payment = isp.pay(invoice.subscriber_id, 200_000, reference="GCash-1")
    command = ReversePayment(payment_id=payment.id, reason=" twice ", actor="ana", idempotency_key="r-1")

    reversed_ = isp.payment.reverse_payment(command)
    isp.settle()

    assert reversed_.reversal is not None
    assert (reversed_.reversal.reason, reversed_.reversal.reversed_by) == ("twice", "ana")
    assert (reversed_.reversal.counts_on, reversed_.reversal.moved_to) == (TODAY, None)
    assert isp.payment.get_payment(payment.id) == reversed_
    assert isp.payment.reverse_payment(command) == reversed_
    assert isp.billing.get_invoice(invoice.id).status.is_open
    assert isp.billing.find_allocations(payment.id) == []
    account = isp.billing.get_account(invoice.subscriber_id)
    assert (account.balance, account.credit.minor) == (invoice.total, 0)
    assert isp.pay(invoice.subscriber_id, 50_000, reference="GCash-1").same_reference == []
    with pytest.raises(Conflict):
        isp.payment.reverse_payment(ReversePayment(payment_id=payment.id, reason="again"))
    with pytest.raises(NotFound):
        isp.payment.reverse_payment(ReversePayment(payment_id="nothing", reason="twice"))
    with assert_invalid("reason"):
        isp.payment.reverse_payment(ReversePayment(payment_id=payment.id, reason=" "))


def test_moved_payment_pays_for_the_other_subscriber(isp: Backend) -> None:
    invoice = isp.new_invoice("Juan")
    ana = isp.new_subscriber("Ana")
    payment = isp.pay(ana.id, 150_000, received_on=TODAY - timedelta(days=1), reference="GCash-1")
    with assert_invalid("subscriber_id"):
        isp.payment.move_payment(MovePayment(payment_id=payment.id, subscriber_id=ana.id, reason="x"))
    with assert_invalid("subscriber_id"):
        isp.payment.move_payment(MovePayment(payment_id=payment.id, subscriber_id="nothing", reason="x"))

    moved = isp.payment.move_payment(
        MovePayment(payment_id=payment.id, subscriber_id=invoice.subscriber_id, reason="not hers")
    )
    isp.settle()

    assert moved.moved_from == payment.id
    assert (moved.subscriber_id, moved.received_on) == (invoice.subscriber_id, payment.received_on)
    assert (moved.reference, moved.method, moved.same_reference) == ("GCash-1", payment.method, [])
    old = isp.payment.get_payment(payment.id).reversal
    assert old is not None
    assert (old.moved_to, old.counts_on) == (moved.id, payment.received_on)
    assert isp.billing.get_account(ana.id).credit.minor == 0
    assert not isp.billing.get_invoice(invoice.id).status.is_open


def test_payments_are_listed_newest_first_or_by_amount(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    a, b, c = (isp.pay(juan.id, amount).id for amount in (2_000, 3_000, 1_000))

    def ids_by(order: PaymentOrder):
        return lambda limit, after: isp.payment.list_payments(PaymentQuery(order=order), limit, after)

    assert_pages(ids_by(PaymentOrder.NEWEST), [c, b, a])
    assert_pages(ids_by(PaymentOrder.AMOUNT), [c, a, b])
    assert_pages(ids_by(PaymentOrder.AMOUNT_DESCENDING), [b, a, c])


def test_payments_are_found_by_subscriber_method_day_and_text(isp: Backend) -> None:
    juan, ana = isp.new_subscriber("Juan Peña"), isp.new_subscriber("Ana Cruz")
    yesterday = TODAY - timedelta(days=1)
    old = isp.pay(juan.id, 1_000, received_on=yesterday, method=PaymentMethod.GCASH, reference="GCash-77")
    new = isp.pay(ana.id, 1_000)

    def found(**query) -> list[str]:
        return [each.id for each in isp.payment.list_payments(PaymentQuery(**query), 10, None).items]

    assert found(subscriber_id=ana.id) == [new.id]
    assert found(method=PaymentMethod.GCASH) == [old.id]
    assert found(received_from=TODAY) == [new.id]
    assert found(received_until=yesterday) == [old.id]
    assert found(received_from=yesterday, received_until=TODAY) == [new.id, old.id]
    assert found(text="cash-7") == [old.id]
    assert found(text="pena") == [old.id]
