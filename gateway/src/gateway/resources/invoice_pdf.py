"""An invoice as a PDF file: the figures of billing-svc, unchanged, in the ISP's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import segno
from contracts.billing import InvoiceLineView, InvoiceStatus, InvoiceView, PriceSource
from contracts.money import Money, total
from contracts.subscriber import SubscriberView
from flask import Response, render_template, url_for
from markupsafe import Markup
from servicekit.clock import local_date

from gateway.branding import brand
from gateway.clients.context import current
from gateway.display.money import money
from gateway.display.words import Words
from gateway.pdf.renderer import Document

# Browsers show a PDF with a plug-in inside a styled page of their own, which our pages' policy would forbid.
VIEWER_POLICY = "object-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SOURCES = {PriceSource.PLAN: "Plan price", PriceSource.INDIVIDUAL: "Individual price"}
STAMPS = {
    InvoiceStatus.PAID: Words("Paid", "good"),
    InvoiceStatus.VOID: Words("Void", "quiet"),
    InvoiceStatus.OVERDUE: Words("Overdue", "bad"),
}


@dataclass(frozen=True)
class Line:
    """A line of the invoice and how its amount came about, in words."""

    view: InvoiceLineView
    trace: str


@dataclass(frozen=True)
class Paid:
    """An amount that was allocated to the invoice. `on` is the date in the ISP's time zone."""

    on: date
    amount: Money


def create(invoice: InvoiceView, subscriber: SubscriberView) -> Document:
    """The PDF file, and the characters it cannot show. Raises Unavailable, RenderFailed."""
    logo = brand.logo_content()
    return current().pdf.render(html(invoice, subscriber), {"logo": logo} if logo else {})


def response(invoice: InvoiceView, made: Document) -> Response:
    """Shows the PDF file in the browser."""
    answer = Response(made.content, mimetype="application/pdf")
    answer.headers.set("Content-Disposition", "inline", filename=f"{invoice.number}.pdf")
    answer.headers["Content-Security-Policy"] = VIEWER_POLICY
    return answer


def html(invoice: InvoiceView, subscriber: SubscriberView) -> str:
    address = payment_page(subscriber)
    return render_template(
        "pdf/invoice.html",
        invoice=invoice,
        subscriber=subscriber,
        lines=[Line(line, price_trace(line)) for line in invoice.lines],
        tax=total([line.tax for line in invoice.lines], invoice.total.currency),
        paid=[Paid(_local_day(part.allocated_at), part.amount) for part in invoice.allocations],
        stamp=STAMPS.get(invoice.status),
        owes=invoice.balance > Money(0, invoice.balance.currency),
        payment_page=address,
        qr=qr_code(address),
    )


def payment_page(subscriber: SubscriberView) -> str:
    return current().settings.public_url + url_for("portal.page", short_id=subscriber.short_id)


def qr_code(address: str) -> Markup:
    squares = segno.make(address, error="m", micro=False).svg_inline(border=0, omitsize=True)
    return Markup(squares)  # noqa: S704 - made of numbers


def price_trace(line: InvoiceLineView) -> str:
    """Plan price ₱1,500.00, less ₱150.00 discount"""
    price = f"{SOURCES[line.price_source]} {money(line.price)}"
    if line.discount_amount.minor == 0:
        return price
    return f"{price}, less {money(line.discount_amount)} discount"


def _local_day(instant: datetime) -> date:
    return local_date(instant, current().settings.time_zone)
