"""An invoice as a PDF file, for operators."""

from __future__ import annotations

from flask import Response, render_template, request

from gateway.admin.pages import page
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.pdf.renderer import font_packages
from gateway.resources import invoice_pdf as document


@page("/invoices/<invoice_id>.pdf", permission=Permission.VIEW_BILLING)
def invoice_pdf(invoice_id: str) -> Response | str:
    """The file. If it lacks characters, first a page that says so, with a link to open it anyway."""
    found = services().billing.get_invoice(invoice_id)
    made = document.create(found, services().subscriber.get_subscriber(found.subscriber_id))
    if made.missing and "anyway" not in request.args:
        return render_template(
            "admin/invoice_pdf_incomplete.html",
            invoice=found,
            missing=made.missing,
            packages=font_packages(made.missing),
        )
    return document.response(found, made)
