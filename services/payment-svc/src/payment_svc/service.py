"""The nameko service: it translates RPC calls and events into queries and use cases."""

from __future__ import annotations

from contracts.billing import Billing
from contracts.common import Command, InvalidInput, NotFound, Page
from contracts.payment import (
    MovePayment,
    Payment,
    PaymentQuery,
    PaymentView,
    RecordPayment,
    ReversePayment,
)
from contracts.subscriber import Subscriber, SubscriberChanged
from servicekit.events import handles
from servicekit.idempotency import carry_out
from servicekit.rpc import Peer
from servicekit.service import Service, serves
from sqlalchemy.orm import Session

from payment_svc import queries
from payment_svc.domain import checks
from payment_svc.usecases import projections, recording, reversing


@serves(Payment)
class PaymentService(Service):
    billing: Billing = Peer(Billing)  # type: ignore[assignment]  # nameko injects the client
    subscriber: Subscriber = Peer(Subscriber)  # type: ignore[assignment]

    def record_payment(self, command: RecordPayment) -> PaymentView:
        if not self._is_repeat(command):
            recording.check(command, self.runtime.today())
            self._check_owner(command)

        def record(session: Session) -> PaymentView:
            now, today = self.runtime.now(), self.runtime.today()
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

    def _check_owner(self, command: RecordPayment) -> None:
        """Call before opening a transaction, as it calls other services. Raises InvalidInput, Unavailable."""
        if command.invoice_id is None:
            self._check_subscriber(command.subscriber_id)
            return
        try:
            invoice = self.billing.get_invoice(command.invoice_id)
        except NotFound as error:
            raise InvalidInput.of("invoice_id", error.message) from error
        checks.check_invoice(invoice, command.subscriber_id)

    def _check_subscriber(self, subscriber_id: str) -> None:
        try:
            self.subscriber.get_subscriber(subscriber_id)
        except NotFound as error:
            raise InvalidInput.of("subscriber_id", error.message) from error
