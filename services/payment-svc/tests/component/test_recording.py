"""Recording payments: exactly once, however often it is repeated, and published with the payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from contracts.billing import CollectionStatus, InvoiceStatus, InvoiceView
from contracts.common import (
    BillingPeriod,
    IdempotencyMismatch,
    InvalidInput,
    NeedsConfirmation,
    NotFound,
    Unavailable,
)
from contracts.money import Money
from contracts.payment import Payment as PaymentApi
from contracts.payment import PaymentMethod, PaymentQuery, PaymentReceived, PaymentView, RecordPayment
from contracts.receivables import PaymentPreview
from payment_svc.models import Payment
from payment_svc.service import PaymentService
from payment_svc.usecases import recording
from servicekit.idempotency import once
from sqlalchemy import func, select
from testkit.component import ServiceUnderTest, client_of, while_held

INVOICE = InvoiceView(
    id="invoice",
    number="INV-000001",
    subscriber_id="juan",
    subscriber_name="Juan dela Cruz",
    status=InvoiceStatus.SENT,
    collection_status=CollectionStatus.PENDING,
    issued_on=date(2026, 11, 1),
    due_on=date(2026, 11, 16),
    days_overdue=0,
    period=BillingPeriod(date(2026, 11, 1), date(2026, 12, 1)),
    total=Money(150_000),
    balance=Money(150_000),
    lines=[],
    allocations=[],
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
    voided_at=None,
    voided_by=None,
    void_reason=None,
)


class KnownInvoice:
    """billing-svc, as far as payment-svc calls it."""

    def __init__(self) -> None:
        self.invoice = INVOICE
        self.down = False

    def get_invoice(self, invoice_id: str) -> InvoiceView:
        if self.down:
            raise Unavailable("billing is not running")
        if invoice_id != self.invoice.id:
            raise NotFound(f"there is no invoice {invoice_id}")
        return self.invoice

    def preview_payment(self, subscriber_id: str, amount: Money, invoice_id: str | None) -> PaymentPreview:
        """One month is owed."""
        if self.down:
            raise Unavailable("billing is not running")
        return PaymentPreview(Money(150_000), [], amount - Money(150_000), Money(150_000))


class KnownSubscribers:
    """subscriber-svc, as far as payment-svc calls it."""

    def get_subscriber(self, subscriber_id: str) -> SimpleNamespace:
        """A customer since today."""
        if subscriber_id != "juan":
            raise NotFound(f"there is no subscriber {subscriber_id}")
        return SimpleNamespace(created_at=datetime(2026, 11, 23, tzinfo=UTC), services=[])


class PaymentUnderTest:
    """The service, with stand-ins for the services it calls."""

    def __init__(self, tested: ServiceUnderTest) -> None:
        self.tested = tested
        self.billing = KnownInvoice()
        self.api = client_of(
            PaymentApi,
            PaymentService,
            tested.runtime,
            billing=self.billing,
            optional_billing=self.billing,
            subscriber=KnownSubscribers(),
        )

    def record(self, minor: int = 150_000, **changes: Any) -> PaymentView:
        return self.api.record_payment(command(minor, **changes))

    def count(self) -> int:
        with self.tested.runtime.reading() as session:
            return session.scalar(select(func.count()).select_from(Payment))


def command(minor: int = 150_000, **changes: Any) -> RecordPayment:
    plain = RecordPayment(subscriber_id="juan", amount=Money(minor), method=PaymentMethod.CASH, actor="ana")
    return replace(plain, **changes)


@pytest.fixture
def payment(tested: ServiceUnderTest) -> PaymentUnderTest:
    return PaymentUnderTest(tested)


def test_payment_is_recorded_and_published(payment):
    view = payment.record(method=PaymentMethod.GCASH, reference=" GCash-20260408-001 ", invoice_id="invoice")
    assert payment.api.get_payment(view.id) == view
    assert (view.reference, view.received_on, view.recorded_by) == (
        "GCash-20260408-001",
        date(2026, 11, 23),
        "ana",
    )
    assert payment.tested.new_events() == [
        PaymentReceived(
            payment_id=view.id,
            subscriber_id="juan",
            invoice_id="invoice",
            amount=Money(150_000),
            method=PaymentMethod.GCASH,
            received_on=date(2026, 11, 23),
            paid_at=payment.tested.runtime.now(),
        )
    ]


def test_repeated_reference_is_a_warning(payment):
    first = payment.record(reference="REF 1")
    second = payment.record(reference="REF 1", confirm=("reference_used",))
    assert (first.same_reference, second.same_reference) == ([], [first.id])
    assert payment.api.get_payment(first.id).same_reference == [second.id]
    assert payment.record(reference="").same_reference == payment.record(reference="").same_reference == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("amount", {"amount": Money(0)}),
        ("amount", {"amount": Money(-1)}),
        ("amount", {"amount": Money(10**12)}),
        ("amount", {"amount": Money(10**30)}),
        ("amount", {"amount": Money(100, "USD")}),
        ("reference", {"reference": "x" * 101}),
        ("reference", {"reference": "a\x00b"}),
        ("reference", {"reference": "a\nb"}),
        ("reference", {"reference": "\ud83d"}),
        ("received_on", {"received_on": date(2026, 11, 24)}),
        ("subscriber_id", {"subscriber_id": "nobody"}),
        ("invoice_id", {"invoice_id": "no such invoice"}),
        ("invoice_id", {"invoice_id": "invoice", "subscriber_id": "maria"}),
    ],
)
def test_error_names_the_field_and_nothing_is_saved(payment, field, changes):
    with pytest.raises(InvalidInput) as refused:
        payment.record(**changes)
    assert [wrong.field for wrong in refused.value.errors] == [field]
    assert payment.count() == 0
    assert payment.tested.new_events() == []


def test_payment_for_a_void_invoice_is_refused_with_advice(payment):
    payment.billing.invoice = replace(INVOICE, status=InvoiceStatus.VOID)
    with pytest.raises(InvalidInput, match="INV-000001 is void; record the payment for the subscriber"):
        payment.record(invoice_id="invoice")
    assert payment.count() == 0


def test_payment_for_a_paid_invoice_is_accepted(payment):
    payment.billing.invoice = replace(INVOICE, status=InvoiceStatus.PAID, balance=Money(0))
    assert payment.record(invoice_id="invoice").invoice_id == "invoice"


def test_today_is_the_date_in_the_time_zone_of_the_isp(payment):
    payment.tested.clock.instant = payment.tested.clock.instant.replace(hour=16)  # midnight in Manila
    assert payment.record().received_on == date(2026, 11, 24)
    assert payment.record(received_on=date(2026, 11, 24)).received_on == date(2026, 11, 24)


# Repeats


def test_same_idempotency_key_records_one_payment(payment):
    first = payment.record(idempotency_key="click")
    payment.tested.clock.advance(hours=30)
    assert payment.record(idempotency_key="click") == first
    assert payment.count() == 1
    assert len(payment.tested.new_events()) == 1


def test_same_idempotency_key_with_other_content_is_refused(payment):
    payment.record(idempotency_key="click")
    for other in ({"amount": Money(1)}, {"reference": "x"}, {"subscriber_id": "maria"}, {"actor": "ben"}):
        with pytest.raises(IdempotencyMismatch):
            payment.record(idempotency_key="click", **other)
    assert payment.count() == 1


def test_repeat_succeeds_after_the_invoice_was_voided(payment):
    first = payment.record(invoice_id="invoice", idempotency_key="click")
    payment.billing.invoice = replace(INVOICE, status=InvoiceStatus.VOID)
    assert payment.record(invoice_id="invoice", idempotency_key="click") == first
    assert payment.count() == 1


def test_repeat_succeeds_while_billing_is_down(payment):
    first = payment.record(invoice_id="invoice", idempotency_key="click")
    payment.billing.down = True
    assert payment.record(invoice_id="invoice", idempotency_key="click") == first
    with pytest.raises(Unavailable):
        payment.record(invoice_id="invoice", idempotency_key="another")


def test_refused_command_can_be_repeated_with_its_key(payment):
    payment.billing.invoice = replace(INVOICE, status=InvoiceStatus.VOID)
    with pytest.raises(InvalidInput):
        payment.record(invoice_id="invoice", idempotency_key="click")
    payment.billing.invoice = INVOICE
    assert payment.record(invoice_id="invoice", idempotency_key="click").amount == Money(150_000)


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_double_click_on_two_replicas_records_one_payment(payment):
    replica = PaymentUnderTest(payment.tested.another())
    click = command(idempotency_key="click")
    runtime = payment.tested.runtime

    def first(session):
        def action() -> str:
            return recording.record_payment(session, click, now=runtime.now(), today=runtime.today()).id

        once(session, click, str, action)

    def second():
        with replica.tested.runtime.transaction() as session:
            return once(session, click, str, lambda: "recorded twice")

    assert while_held(payment.tested, first, second) != "recorded twice"
    assert payment.count() == 1


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_second_click_records_the_payment_if_the_first_crashed(payment):
    replica = PaymentUnderTest(payment.tested.another())
    click = command(idempotency_key="click")
    runtime = payment.tested.runtime
    outcome = []

    def first(session):
        def action() -> str:
            return recording.record_payment(session, click, now=runtime.now(), today=runtime.today()).id

        once(session, click, str, action)

    def second():
        outcome.append(replica.api.record_payment(click))

    def first_then_crash(session):
        first(session)
        session.flush()
        session.rollback()
        raise ConnectionError("the process dies here")

    with pytest.raises(ConnectionError):
        while_held(payment.tested, first_then_crash, second)
    second()
    assert payment.count() == 1
    assert outcome[0].amount == Money(150_000)


# Reading


def test_unknown_payment_is_not_found(payment):
    with pytest.raises(NotFound, match="there is no payment nothing"):
        payment.api.get_payment("nothing")


def test_pages_contain_every_payment_once(payment):
    recorded = {payment.record(minor).id for minor in range(1, 6)}
    seen, after = [], None
    while True:
        page = payment.api.list_payments(PaymentQuery(subscriber_id="juan"), 2, after)
        seen += [view.id for view in page.items]
        if page.next is None:
            break
        after = page.next
    assert set(seen) == recorded
    assert len(seen) == 5
    assert payment.api.list_payments(PaymentQuery(subscriber_id="maria"), 10, None).items == []
    assert len(payment.api.list_payments(PaymentQuery(), 10, None).items) == 5


def test_backdated_payment_keeps_both_dates(payment):
    received_on = payment.tested.runtime.today() - timedelta(days=40)
    view = payment.record(received_on=received_on, confirm=("date_before_customer",))
    assert view.received_on == date(2026, 10, 14)
    assert view.recorded_at == payment.tested.runtime.now()


# Confirmation


def codes(payment, **changes) -> list[str]:
    """The codes of the warnings for a payment, which is not recorded."""
    before = payment.count()
    with pytest.raises(NeedsConfirmation) as asked:
        payment.record(**changes)
    assert payment.count() == before
    return [warning.code for warning in asked.value.warnings]


def test_every_suspicion_is_named_at_once_and_nothing_is_recorded(payment):
    payment.record(reference="REF 1")
    payment.tested.new_events()
    changes = {"minor": 1_000_000, "reference": " REF 1 ", "received_on": date(2020, 1, 1)}
    assert codes(payment, **changes) == ["reference_used", "date_old", "date_before_customer", "amount_high"]
    assert payment.tested.new_events() == []


def test_confirmed_payment_is_recorded_under_the_same_key(payment):
    assert codes(payment, minor=1_000_000, idempotency_key="click") == ["amount_high"]
    view = payment.record(1_000_000, idempotency_key="click", confirm=("amount_high",))
    assert payment.record(1_000_000, idempotency_key="click", confirm=("amount_high",)) == view
    assert payment.record(1_000_000, idempotency_key="click") == view
    assert payment.count() == 1


def test_payment_is_recorded_while_billing_cannot_say_what_is_owed(payment):
    payment.billing.down = True
    assert payment.record(1_000_000).amount == Money(1_000_000)
