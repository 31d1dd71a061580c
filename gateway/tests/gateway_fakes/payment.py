"""payment-svc in memory."""

from __future__ import annotations

from dataclasses import replace

from contracts.billing import (
    InvoiceStatus,
)
from contracts.common import InvalidInput
from contracts.payment import PaymentView

from gateway_fakes.base import NOW, TODAY, Fake, matches, paged


class FakePayment(Fake):
    def record_payment(self, command):
        return self.world.once(command, lambda: self._make(command))

    def _make(self, command):
        if command.subscriber_id not in self.world.subscribers:
            raise InvalidInput.of("subscriber_id", "names no subscriber")
        same = [each.id for each in self.world.payments.values() if each.reference == command.reference != ""]
        payment = PaymentView(
            id=self.world.new_id("payment"),
            subscriber_id=command.subscriber_id,
            subscriber_name=self.world.subscribers[command.subscriber_id].full_name,
            invoice_id=command.invoice_id,
            amount=command.amount,
            method=command.method,
            reference=command.reference,
            received_on=command.received_on or TODAY,
            recorded_at=NOW,
            recorded_by=command.actor,
            same_reference=same,
        )
        self.world.payments[payment.id] = payment
        invoice = self.world.invoices.get(command.invoice_id or "")
        if invoice is not None:
            balance = invoice.balance - command.amount
            status = InvoiceStatus.PAID if balance.minor <= 0 else InvoiceStatus.PARTIALLY_PAID
            self.world.invoices[invoice.id] = replace(invoice, balance=balance, status=status)
        return payment

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
            and matches(query.text, each.reference, each.subscriber_name)
        ]
        return paged(kept, limit, after)
