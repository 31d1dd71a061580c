"""Payments: the input to record one."""

from __future__ import annotations

from typing import Annotated

from contracts.payment import PaymentMethod, RecordPayment

from gateway.resources.fields import Confirmable, Day, Identifier, MoneyInput, Origin, Text, one_of

Method = Annotated[PaymentMethod, one_of(PaymentMethod)]


class NewPayment(Confirmable):
    """With `invoice_id`, that invoice is paid first, then the oldest open ones."""

    subscriber_id: Identifier
    invoice_id: Identifier | None = None
    amount: MoneyInput
    method: Method
    reference: Text = ""
    received_on: Day | None = None

    def command(self, origin: Origin) -> RecordPayment:
        return RecordPayment(**dict(self), **origin)
