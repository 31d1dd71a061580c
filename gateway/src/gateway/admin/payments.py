"""Payments, newest first."""

from __future__ import annotations

from contracts.common import NotFound
from contracts.payment import PaymentView
from flask import Response, request

from gateway.access import Permission
from gateway.admin.pages import if_it_answers, page, show
from gateway.context import current, services

# The names of the subscribers are asked for one by one, so a page is shorter than elsewhere.
PAGE_SIZE = 25


@page("/payments", permission=Permission.VIEW_BILLING)
def payments() -> Response:
    found = services().payment.list_payments(None, PAGE_SIZE, request.args.get("after"))
    return show("payments.html", payments=found.items, names=_names(found.items), next=found.next)


def _names(found: list[PaymentView]) -> dict[str, str]:
    names = {}
    for subscriber_id in {payment.subscriber_id for payment in found}:
        try:
            subscriber = if_it_answers(
                lambda wanted=subscriber_id: current().optional.subscriber.get_subscriber(wanted)
            )
        except NotFound:
            continue
        if subscriber is None:
            break
        names[subscriber_id] = subscriber.full_name
    return names
