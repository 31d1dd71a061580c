"""Invoices and billing runs: the input to void or to generate invoices."""

from __future__ import annotations

from contracts.billing import VoidInvoice
from contracts.billing_runs import StartBillingRun, VoidBillingRun

from gateway.resources.fields import Confirmable, Day, Identifier, Input, Origin, Text


class VoidRequest(Input):
    """`bill_again`: the next billing run bills the months of the invoice again."""

    reason: Text = ""
    bill_again: bool = False

    def command(self, invoice_id: str, origin: Origin) -> VoidInvoice:
        return VoidInvoice(invoice_id=invoice_id, reason=self.reason, bill_again=self.bill_again, **origin)


class VoidRunRequest(Input):
    reason: Text = ""

    def command(self, run_id: str, origin: Origin) -> VoidBillingRun:
        return VoidBillingRun(run_id=run_id, reason=self.reason, **origin)


class NewBillingRun(Confirmable):
    """Bills the month that contains `date` (default: today), and earlier months that are not billed yet.

    A dry run only reports what it would do. With `subscriber_id`, only this subscriber is billed. A month
    whose invoice was voided is billed again only with `voided_too`, and a login that another service of the
    subscriber is billed for only with `same_login_too`; both apply to the month of `date`. A month later than
    the coming one needs confirmation (`future_month`).
    """

    date: Day | None = None
    dry_run: bool = False
    subscriber_id: Identifier | None = None
    voided_too: bool = False
    same_login_too: bool = False

    def command(self, origin: Origin) -> StartBillingRun:
        return StartBillingRun(**self.given(), **origin)
