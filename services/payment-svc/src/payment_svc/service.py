"""The nameko service: it translates RPC calls and events into queries and use cases."""

from __future__ import annotations

from datetime import date

from contracts.billing import Billing
from contracts.common import Command, InvalidInput, NotFound, Page, Unavailable
from contracts.payment import (
    MovePayment,
    Payment,
    PaymentQuery,
    PaymentView,
    RecordPayment,
    ReversePayment,
)
from contracts.receivables import PaymentPreview
from contracts.subscriber import Subscriber, SubscriberChanged, SubscriberView
from servicekit.clock import local_date
from servicekit.events import handles
from servicekit.idempotency import carry_out
from servicekit.rpc import Peer
from servicekit.service import Service, serves
from sqlalchemy.orm import Session

from payment_svc import queries
from payment_svc.domain import checks
from payment_svc.usecases import projections, recording, reversing

OPTIONAL_DEADLINE_SECONDS = 2.0


@serves(Payment)
class PaymentService(Service):
    billing: Billing = Peer(Billing)  # type: ignore[assignment]  # nameko injects the client
    subscriber: Subscriber = Peer(Subscriber)  # type: ignore[assignment]
    # For what can be left out: without it, the amount of a payment is not compared with the balance.
    optional_billing: Billing = Peer(Billing, OPTIONAL_DEADLINE_SECONDS)  # type: ignore[assignment]

    def record_payment(self, command: RecordPayment) -> PaymentView:
        preview, customer_since = None, None
        if not self._is_repeat(command):
            recording.check(command, self.runtime.today())
            customer_since = self._check_owner(command)
            preview = self._preview(command)

        def record(session: Session) -> PaymentView:
            now, today = self.runtime.now(), self.runtime.today()
            others = queries.payments_with_reference(session, command.reference)
            recording.check_plausible(
                command, preview=preview, customer_since=customer_since, others=others, today=today
            )
            payment = recording.record_payment(session, command, now=now, today=today)
            session.flush()
            return queries.payment_view(session, payment)

        return carry_out(self.runtime, command, PaymentView, record)

    def reverse_payment(self, command: ReversePayment) -> PaymentView:
        def reverse(session: Session) -> PaymentView:
            now, today = self.runtime.now(), self.runtime.today()
            payment = reversing.reverse_payment(session, command, now=now, today=today)
            session.flush()
            return queries.payment_view(session, payment)

        return carry_out(self.runtime, command, PaymentView, reverse)

    def move_payment(self, command: MovePayment) -> PaymentView:
        if not self._is_repeat(command):
            self._check_subscriber(command.subscriber_id)

        def move(session: Session) -> PaymentView:
            moved = reversing.move_payment(session, command, now=self.runtime.now())
            session.flush()
            return queries.payment_view(session, moved)

        return carry_out(self.runtime, command, PaymentView, move)

    def get_payment(self, payment_id: str) -> PaymentView:
        with self.runtime.reading() as session:
            return queries.get_payment(session, payment_id)

    def list_payments(self, query: PaymentQuery, limit: int, after: str | None) -> Page[PaymentView]:
        with self.runtime.reading() as session:
            return queries.list_payments(session, query, limit, after)

    @handles(SubscriberChanged)
    def on_subscriber_changed(self, session: Session, event: SubscriberChanged) -> None:
        """Show the new name with payments."""
        projections.keep_subscriber(session, event)

    def _is_repeat(self, command: Command) -> bool:
        """Whether to repeat the first answer, even if the invoice was voided or billing went down since."""
        with self.runtime.reading() as session:
            return recording.is_repeat(session, command)

    def _preview(self, command: RecordPayment) -> PaymentPreview | None:
        """What the payment would do; None if billing does not say. Call before opening a transaction."""
        try:
            return self.optional_billing.preview_payment(
                command.subscriber_id, command.amount, command.invoice_id
            )
        except Unavailable:
            return None

    def _check_owner(self, command: RecordPayment) -> date | None:
        """Returns the customer's first day, or None if it does not matter or is not known.

        Call before opening a transaction, as it calls other services. Raises InvalidInput, Unavailable.
        """
        if command.invoice_id is None:
            return self._first_day(self._check_subscriber(command.subscriber_id))
        try:
            invoice = self.billing.get_invoice(command.invoice_id)
        except NotFound as error:
            raise InvalidInput.of("invoice_id", error.message) from error
        checks.check_invoice(invoice, command.subscriber_id)
        if command.received_on is None or command.received_on >= self.runtime.today():
            return None
        try:
            return self._first_day(self._check_subscriber(command.subscriber_id))
        except Unavailable:
            return None

    def _first_day(self, subscriber: SubscriberView) -> date:
        """The day the subscriber was added, or the first day of a service if that is earlier."""
        added_on = local_date(subscriber.created_at, self.runtime.settings.time_zone)
        return min([added_on, *(service.activated_on for service in subscriber.services)])

    def _check_subscriber(self, subscriber_id: str) -> SubscriberView:
        try:
            return self.subscriber.get_subscriber(subscriber_id)
        except NotFound as error:
            raise InvalidInput.of("subscriber_id", error.message) from error
