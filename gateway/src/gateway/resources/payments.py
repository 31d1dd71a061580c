"""Payments: the input to record, reverse or move one."""

from __future__ import annotations

from typing import Annotated

from contracts.payment import MovePayment, PaymentMethod, RecordPayment, ReversePayment

from gateway.resources.fields import (
    Confirmable,
    Day,
    Identifier,
    Input,
    MoneyInput,
    Name,
    Origin,
    Text,
    one_of,
)

Method = Annotated[PaymentMethod, one_of(PaymentMethod)]


class NewPayment(Confirmable):
    """With `invoice_id`, that invoice is paid first, then the oldest open ones.

    Needs confirmation for `amount_high` (more than 3 times the balance or, if nothing is owed, twice the
    monthly price), `reference_used`, `date_before_customer` and `date_old` (more than 60 days ago).
    """

    subscriber_id: Identifier
    invoice_id: Identifier | None = None
    amount: MoneyInput
    method: Method
    reference: Text = ""
    received_on: Day | None = None

    def command(self, origin: Origin) -> RecordPayment:
        return RecordPayment(**dict(self), **origin)


class ReversalRequest(Input):
    reason: Name

    def command(self, payment_id: str, origin: Origin) -> ReversePayment:
        return ReversePayment(payment_id=payment_id, reason=self.reason, **origin)


class MoveRequest(Input):
    """`subscriber_id`: the subscriber who really paid."""

    subscriber_id: Identifier
    reason: Name

    def command(self, payment_id: str, origin: Origin) -> MovePayment:
        return MovePayment(payment_id=payment_id, **dict(self), **origin)
