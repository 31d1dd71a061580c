"""Payments: list, export, one payment, and corrections. The pages of invoices and subscribers record them."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.billing import AllocationView
from contracts.common import NotFound
from contracts.money import MAX_MINOR, Money, total
from contracts.payment import PaymentMethod, PaymentOrder, PaymentQuery, PaymentView
from contracts.receivables import PaymentPreview
from contracts.subscriber import SubscriberView
from contracts.subscriber_lists import SubscriberQuery
from flask import Response, g, request, url_for

from gateway.admin.forms import Form
from gateway.admin.lists import Listing, choice_argument, date_argument, export_address, text_argument
from gateway.admin.pages import (
    PAGE_SIZE,
    Entry,
    by_operator,
    done,
    every_item,
    form_page,
    page,
    question,
    show,
)
from gateway.audit.events import Event
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.clients.waiting import wait_for_allocations, wait_for_reversal
from gateway.display.billing import method, payment_status
from gateway.display.money import money, plain_amount
from gateway.display.typed import is_id, parse_pesos
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.resources.payments import MoveRequest, ReversalRequest

# How many subscribers the search for the one who paid shows.
MAX_FOUND = 8
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
    header = (
        "Received",
        "Subscriber",
        "Amount",
        "Currency",
        "Method",
        "Reference",
        "Recorded",
        "By",
        "Status",
        "Reason",
    )
    return csv_response("payments.csv", header, _rows(_query()))


@page("/subscribers/<subscriber_id>/payment-preview", permission=Permission.RECORD_PAYMENTS)
def subscriber_payment_preview(subscriber_id: str) -> Response:
    """What the amount being typed would pay, as a part of the form."""
    invoice_id = text_argument("invoice") or None
    if invoice_id is not None and not is_id(invoice_id):
        raise NotFound("this id names nothing")
    preview = payment_preview(subscriber_id, invoice_id, text_argument("amount"))
    return show("payment_preview.html", preview=preview)


def payment_preview(subscriber_id: str, invoice_id: str | None, typed: str) -> PaymentPreview | None:
    """What an amount would pay; None if it is not an amount yet or billing does not answer."""
    try:
        amount = parse_pesos(typed)
    except ValueError:
        return None
    if not 0 < amount.minor <= MAX_MINOR:
        return None
    billing = current().optional.billing
    return if_it_answers(lambda: billing.preview_payment(subscriber_id, amount, invoice_id))


@page("/payments/<payment_id>/receipt", permission=Permission.VIEW_BILLING)
def payment_receipt(payment_id: str) -> Response:
    """An acknowledgement to print for someone who paid in cash."""
    found = services().payment.get_payment(payment_id)
    parts = if_it_answers(lambda: current().optional.billing.find_allocations(payment_id))
    return show("payment_receipt.html", payment=found, parts=parts, credit=_credit(found, parts))


@page("/payments/<payment_id>", permission=Permission.VIEW_BILLING, shows="payment")
def payment(payment_id: str) -> Response:
    found = services().payment.get_payment(payment_id)
    parts = if_it_answers(lambda: current().optional.billing.find_allocations(payment_id))
    return show(
        "payment.html",
        payment=found,
        parts=parts,
        credit=_credit(found, parts),
        moved_to=_known(found.reversal.moved_to if found.reversal is not None else None),
        moved_from=_known(found.moved_from),
    )


@form_page(
    "/payments/<payment_id>/reverse",
    permission=Permission.REVERSE_PAYMENTS,
    event=Event("admin.reverse_payment", "Reversed a payment", "payment"),
)
def reverse_payment(payment_id: str) -> Response:
    found, form = services().payment.get_payment(payment_id), Form()
    reversed_ = form.submit(
        ReversalRequest,
        lambda asked: services().payment.reverse_payment(asked.command(payment_id, by_operator())),
    )
    if reversed_ is not None:
        wait_for_reversal(payment_id)
        return done(_address(payment_id), f"The payment of {money(found.amount)} was reversed.")
    parts = if_it_answers(lambda: current().optional.billing.find_allocations(payment_id))
    return question(
        "payment_reverse.html",
        form.status,
        back=_address(payment_id),
        form=form,
        payment=found,
        parts=parts,
        credit=_credit(found, parts),
    )


@form_page(
    "/payments/<payment_id>/move",
    permission=Permission.REVERSE_PAYMENTS,
    event=Event("admin.move_payment", "Moved a payment to another subscriber", "payment"),
)
def move_payment(payment_id: str) -> Response:
    found, form = services().payment.get_payment(payment_id), Form()
    if request.method == "POST" and not form.values.get("subscriber_id"):
        form.wrong("subscriber_id", "Choose the subscriber who paid")
    moved = form.submit(
        MoveRequest,
        lambda asked: services().payment.move_payment(asked.command(payment_id, by_operator())),
    )
    if moved is not None:
        wait_for_reversal(payment_id)
        wait_for_allocations(moved.id)
        g.record_id = payment_id
        words = f"The payment of {money(moved.amount)} was moved to {moved.subscriber_name}."
        return done(_address(moved.id), words)
    text = (request.args.get("q") or form.values.get("q", "")).strip()[:200]
    return question(
        "payment_move.html",
        form.status,
        back=_address(payment_id),
        form=form,
        payment=found,
        text=text,
        found=_others(text, found.subscriber_id),
    )


def _address(payment_id: str) -> str:
    return url_for("admin.payment", payment_id=payment_id)


def _credit(found: PaymentView, parts: list[AllocationView] | None) -> Money | None:
    """The part of the payment that is not on an invoice; None if billing does not say."""
    if parts is None or found.reversal is not None:
        return None
    return found.amount - total([part.amount for part in parts], found.amount.currency)


def _known(payment_id: str | None) -> PaymentView | None:
    return services().payment.get_payment(payment_id) if payment_id is not None else None


def _others(text: str, subscriber_id: str) -> list[SubscriberView]:
    """Subscribers that match, without the one who has the payment."""
    if not text:
        return []
    page_of_found = services().subscriber.list_subscribers(SubscriberQuery(text=text), MAX_FOUND + 1, None)
    return [each for each in page_of_found.items if each.id != subscriber_id][:MAX_FOUND]


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
            status.text if (status := payment_status(payment)) is not None else "",
            payment.reversal.reason if payment.reversal is not None else "",
        )


def _query() -> PaymentQuery:
    return PaymentQuery(
        text=text_argument("q") or None,
        method=choice_argument("method", PaymentMethod),
        received_from=date_argument("from"),
        received_until=date_argument("until"),
        order=choice_argument("order", PaymentOrder) or PaymentOrder.NEWEST,
    )
