"""Payments: list and export. The pages of invoices and subscribers record them."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.payment import PaymentMethod, PaymentOrder, PaymentQuery
from flask import Response, request

from gateway.admin.lists import Listing, choice_argument, date_argument, export_address, text_argument
from gateway.admin.pages import PAGE_SIZE, Entry, every_item, page, show
from gateway.clients.context import services
from gateway.display.billing import method
from gateway.display.money import plain_amount
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response

METHODS = [(value.value, method(value)) for value in PaymentMethod]


@page("/payments", permission=Permission.VIEW_BILLING, sidebar=Entry(6, "Payments", "cash"))
def payments() -> Response:
    query = _query()
    found = services().payment.list_payments(query, PAGE_SIZE, request.args.get("after"))
    narrowed = any(request.args.get(name) for name in ("q", "method", "from", "until"))
    return show(
        "payments.html",
        list=Listing(found, query.order.value, export_address("admin.payments_csv")),
        query=query,
        methods=METHODS,
        narrowed=narrowed,
    )


@page("/payments.csv", permission=Permission.VIEW_BILLING)
def payments_csv() -> Response:
    header = ("Received", "Subscriber", "Amount", "Currency", "Method", "Reference", "Recorded", "By")
    return csv_response("payments.csv", header, _rows(_query()))


def _rows(query: PaymentQuery) -> Iterator[tuple[str, ...]]:
    list_payments = services().payment.list_payments
    for payment in every_item(lambda limit, after: list_payments(query, limit, after)):
        yield (
            payment.received_on.isoformat(),
            payment.subscriber_name,
            plain_amount(payment.amount),
            payment.amount.currency,
            method(payment.method),
            payment.reference,
            payment.recorded_at.isoformat(),
            payment.recorded_by,
        )


def _query() -> PaymentQuery:
    return PaymentQuery(
        text=text_argument("q") or None,
        method=choice_argument("method", PaymentMethod),
        received_from=date_argument("from"),
        received_until=date_argument("until"),
        order=choice_argument("order", PaymentOrder) or PaymentOrder.NEWEST,
    )
