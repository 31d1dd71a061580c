"""Invoices and billing runs: the input to void or to generate invoices."""

from __future__ import annotations

from contracts.billing import StartBillingRun, VoidInvoice

from gateway.resources.fields import Day, Input, Origin, Text


class VoidRequest(Input):
    reason: Text = ""

    def command(self, invoice_id: str, origin: Origin) -> VoidInvoice:
        return VoidInvoice(invoice_id=invoice_id, reason=self.reason, **origin)


class NewBillingRun(Input):
    """Bills the period that contains `date` (default: today). A dry run only reports what it would do."""

    date: Day | None = None
    dry_run: bool = False

    def command(self, origin: Origin) -> StartBillingRun:
        return StartBillingRun(date=self.date, dry_run=self.dry_run, **origin)
