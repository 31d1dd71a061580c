"""Invoices and billing runs: the input to void or to generate invoices."""

from __future__ import annotations

from contracts.billing import StartBillingRun, VoidInvoice

from gateway.resources.fields import Day, Identifier, Input, Origin, Text


class VoidRequest(Input):
    reason: Text = ""

    def command(self, invoice_id: str, origin: Origin) -> VoidInvoice:
        return VoidInvoice(invoice_id=invoice_id, reason=self.reason, **origin)


class NewBillingRun(Input):
    """Bills the month that contains `date` (default: today), and earlier months that are not billed yet.

    A dry run only reports what it would do. With `subscriber_id`, only this subscriber is billed. A month
    whose invoice was voided is billed again only with `voided_too`, and a login that another service of the
    subscriber is billed for only with `same_login_too`; both apply to the month of `date`.
    """

    date: Day | None = None
    dry_run: bool = False
    subscriber_id: Identifier | None = None
    voided_too: bool = False
    same_login_too: bool = False

    def command(self, origin: Origin) -> StartBillingRun:
        return StartBillingRun(**self.given(), **origin)
