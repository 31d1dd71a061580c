"""An invoice as a PDF file, for operators."""

from __future__ import annotations

from flask import Response

from gateway.admin.pages import page
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources import invoice_pdf as document


@page("/invoices/<invoice_id>.pdf", permission=Permission.VIEW_BILLING)
def invoice_pdf(invoice_id: str) -> Response:
    found = services().billing.get_invoice(invoice_id)
    return document.response(found, services().subscriber.get_subscriber(found.subscriber_id))
