"""Payments, newest first."""

from __future__ import annotations

from contracts.common import NotFound
from contracts.payment import PaymentView
from flask import Response, request

from gateway.access import Permission
from gateway.admin.pages import page, show
from gateway.context import current, services
from gateway.provisioning import SILENT

# The names of the subscribers are asked for one by one, so a page is shorter than elsewhere.
PAGE_SIZE = 25


@page("/payments", permission=Permission.VIEW_BILLING)
def payments() -> Response:
    found = services().payment.list_payments(None, PAGE_SIZE, request.args.get("after"))
    return show("payments.html", payments=found.items, names=_names(found.items), next=found.next)


def _names(found: list[PaymentView]) -> dict[str, str]:
    """By subscriber; those found before the service fell silent, if it does."""
    names = {}
    for subscriber_id in sorted({payment.subscriber_id for payment in found}):
        try:
            names[subscriber_id] = current().optional.subscriber.get_subscriber(subscriber_id).full_name
        except NotFound:
            continue
        except SILENT:
            break
    return names
