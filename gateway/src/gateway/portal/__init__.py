"""The subscriber's own page: no login, nothing of anybody else."""

from __future__ import annotations

import time
from dataclasses import dataclass

from contracts.billing import InvoiceStatus, InvoiceSummary
from contracts.common import NotFound
from contracts.money import Money
from contracts.subscriber import SubscriberView
from flask import Blueprint, render_template, request
from werkzeug.exceptions import TooManyRequests

from gateway import display
from gateway.access import Permission, needs
from gateway.context import current, services

blueprint = Blueprint("portal", __name__)

OPEN = (InvoiceStatus.OVERDUE, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.SENT)
MOST_INVOICES = 50


@dataclass(frozen=True)
class Line:
    username: str
    plan_name: str
    state: display.Words


@blueprint.get("/c/<short_id>")
@needs(Permission.PUBLIC)
def page(short_id: str) -> str:
    """Raises NotFound for an id that names nobody, TooManyRequests for one who guesses at them."""
    if not current().portal_bucket.take(request.remote_addr or "", time.monotonic()):
        raise TooManyRequests("too many requests; wait a minute and try again", retry_after=60)
    subscriber = _known(short_id)
    account = services().billing.get_account(subscriber.id)
    lines = [
        Line(service.pppoe_username, service.plan_name, display.line_in_words(service))
        for service in subscriber.services
    ]
    return render_template(
        "portal/page.html",
        name=subscriber.full_name,
        balance=account.balance,
        owes=account.balance > Money(0, account.balance.currency),
        lines=lines,
        invoices=_open_invoices(subscriber.id),
    )


def _known(short_id: str) -> SubscriberView:
    plain = short_id.isascii() and short_id.isprintable() and len(short_id) <= 40
    subscriber = services().subscriber.find_subscriber_by_short_id(short_id) if plain else None
    if subscriber is None:
        raise NotFound("there is no such page; check the link you were given")
    return subscriber


def _open_invoices(subscriber_id: str) -> list[InvoiceSummary]:
    found = [
        invoice
        for status in OPEN
        for invoice in services().billing.list_invoices(status, subscriber_id, MOST_INVOICES, None).items
    ]
    return sorted(found, key=lambda invoice: invoice.due_on)
