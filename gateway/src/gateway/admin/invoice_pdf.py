"""An invoice as a PDF file, for operators."""

from __future__ import annotations

from flask import Response

from gateway.access import Permission
from gateway.admin.pages import page
from gateway.context import services
from gateway.pdf import invoice as document


@page("/invoices/<invoice_id>.pdf", permission=Permission.VIEW_BILLING)
def invoice_pdf(invoice_id: str) -> Response:
    found = services().billing.get_invoice(invoice_id)
    return document.response(found, services().subscriber.get_subscriber(found.subscriber_id))
