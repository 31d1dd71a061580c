"""payment-svc in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contracts.billing import InvoiceStatus
from contracts.common import CommandWarning, Conflict, InvalidInput, check_confirmed
from contracts.payment import PaymentOrder, PaymentView, ReversalView

from gateway_fakes.base import NOW, TODAY, Fake, contains, ordered, paged

KEYS = {
    PaymentOrder.RECEIVED_ON: lambda payment: payment.received_on,
    PaymentOrder.AMOUNT: lambda payment: payment.amount.minor,
}


class FakePayment(Fake):
    def record_payment(self, command):
        return self.world.once(command, lambda: self._make(command))

    def _make(self, command):
        self._check(command)
        reference = command.reference.strip()
        same = [
            each.id
            for each in self.world.payments.values()
            if each.reference == reference != "" and each.reversal is None
        ]
        check_confirmed(command, list(self._warnings(command, same)))
        payment = PaymentView(
            id=self.world.new_id("payment"),
            subscriber_id=command.subscriber_id,
            subscriber_name=self.world.subscribers[command.subscriber_id].full_name,
            invoice_id=command.invoice_id,
            amount=command.amount,
            method=command.method,
            reference=reference,
            received_on=command.received_on or TODAY,
            recorded_at=NOW,
            recorded_by=command.actor,
            same_reference=same,
        )
        self.world.payments[payment.id] = payment
        self.world.billing.allocate(payment)
        return payment

    def _warnings(self, command, same):
        received_on = command.received_on or TODAY
        preview = self.world.billing.preview_payment(
            command.subscriber_id, command.amount, command.invoice_id
        )
        if same:
            message = f"The reference {command.reference.strip()} was used before."
            yield CommandWarning("reference_used", message, {"payment_id": same[-1]})
        if TODAY - received_on > timedelta(days=60):
            yield CommandWarning("date_old", f"{received_on} is more than 60 days ago.")
        owner = self.world.subscribers[command.subscriber_id]
        if received_on < min([TODAY, *(each.activated_on for each in owner.services)]):
            yield CommandWarning("date_before_customer", f"{received_on} is before their first day.")
        owed, monthly = preview.balance.minor, preview.monthly
        limit = 3 * owed if owed > 0 else 2 * monthly.minor if monthly is not None else 0
        if limit and command.amount.minor > limit:
            yield CommandWarning("amount_high", "This is much more than they owe.")

    def _check(self, command):
        if command.amount.minor <= 0:
            raise InvalidInput.of("amount", "must be more than zero")
        if command.received_on is not None and command.received_on > TODAY:
            raise InvalidInput.of("received_on", f"{command.received_on} is in the future")
        if command.invoice_id is None:
            if command.subscriber_id not in self.world.subscribers:
                raise InvalidInput.of("subscriber_id", "names no subscriber")
            return
        invoice = self.world.invoices.get(command.invoice_id)
        if invoice is None:
            raise InvalidInput.of("invoice_id", f"there is no invoice {command.invoice_id}")
        if invoice.subscriber_id != command.subscriber_id:
            raise InvalidInput.of("invoice_id", f"invoice {invoice.number} belongs to another subscriber")
        if invoice.status is InvoiceStatus.VOID:
            raise InvalidInput.of("invoice_id", f"invoice {invoice.number} is void")

    def reverse_payment(self, command):
        def reverse():
            payment = self._to_reverse(command)
            self._reverse(payment, command, TODAY, None)
            return self.world.payments[payment.id]

        return self.world.once(command, reverse)

    def move_payment(self, command):
        def move():
            payment = self._to_reverse(command)
            if command.subscriber_id not in self.world.subscribers:
                raise InvalidInput.of("subscriber_id", "names no subscriber")
            if command.subscriber_id == payment.subscriber_id:
                raise InvalidInput.of("subscriber_id", "has this payment already")
            moved = replace(
                payment,
                id=self.world.new_id("payment"),
                subscriber_id=command.subscriber_id,
                subscriber_name=self.world.subscribers[command.subscriber_id].full_name,
                invoice_id=None,
                recorded_by=command.actor,
                same_reference=[],
                moved_from=payment.id,
            )
            self._reverse(payment, command, payment.received_on, moved.id)
            self.world.payments[moved.id] = moved
            self.world.billing.allocate(moved)
            return moved

        return self.world.once(command, move)

    def _to_reverse(self, command):
        if not command.reason.strip():
            raise InvalidInput.of("reason", "is required")
        payment = self._known(self.world.payments, command.payment_id)
        if payment.reversal is not None:
            raise Conflict(f"this payment was already reversed by {payment.reversal.reversed_by}")
        return payment

    def _reverse(self, payment, command, counts_on, moved_to):
        reversal = ReversalView(command.reason.strip(), NOW, command.actor, counts_on, moved_to)
        self.world.payments[payment.id] = replace(payment, reversal=reversal)
        self.world.billing.take_off(payment)

    def get_payment(self, payment_id):
        return self._known(self.world.payments, payment_id)

    def list_payments(self, query, limit, after):
        kept = [
            each
            for each in self.world.payments.values()
            if query.subscriber_id in (None, each.subscriber_id)
            and query.method in (None, each.method)
            and (query.received_from or each.received_on) <= each.received_on
            and each.received_on <= (query.received_until or each.received_on)
            and contains(query.text, each.reference, each.subscriber_name)
        ]
        ascending = query.order.removeprefix("-")
        key = KEYS.get(PaymentOrder(ascending))
        return paged(ordered(kept, key, descending=query.order not in KEYS), limit, after)
