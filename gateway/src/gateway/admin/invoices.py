"""One invoice, and money for it: Record Payment, void."""

from __future__ import annotations

from contracts.billing import AllocationView, InvoiceStatus, InvoiceView, PriceSource
from contracts.money import Money, total
from contracts.payment import PaymentView
from flask import Response, g, redirect, request, url_for
from markupsafe import Markup

from gateway.admin.forms import Form
from gateway.admin.pages import by_operator, done, form_page, page, question, show
from gateway.admin.payments import METHODS, payment_preview
from gateway.admin.subscribers import page_of
from gateway.audit.events import Event
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.clients.waiting import wait_for_allocations
from gateway.display.money import money
from gateway.display.typed import pesos_as_typed
from gateway.http.access import Permission
from gateway.resources.billing import VoidRequest
from gateway.resources.payments import NewPayment

TRACES = {PriceSource.PLAN: "plan price", PriceSource.INDIVIDUAL: "individual price"}


@page("/invoices/<invoice_id>", permission=Permission.VIEW_BILLING, shows="invoice")
def invoice(invoice_id: str) -> Response:
    found = services().billing.get_invoice(invoice_id)
    lines = [(line, TRACES[line.price_source]) for line in found.lines]
    tax = sum((line.tax for line in found.lines), start=Money(0, found.total.currency))
    return show("invoice.html", invoice=found, lines=lines, tax=tax, owes=_owes(found))


@form_page(
    "/invoices/<invoice_id>/payments",
    permission=Permission.RECORD_PAYMENTS,
    event=Event("admin.record_payment", "Recorded a payment", "payment"),
)
def record_payment(invoice_id: str) -> Response:
    found = services().billing.get_invoice(invoice_id)
    if request.method == "GET" and found.status is InvoiceStatus.VOID:
        return redirect(url_for("admin.record_subscriber_payment", subscriber_id=found.subscriber_id), 303)  # type: ignore[return-value]
    form = Form(_payment_of(found.balance))
    payment = _record(form, found.subscriber_id, found.id)
    if payment is not None:
        return _recorded(payment, url_for("admin.invoice", invoice_id=invoice_id))
    return question(
        "record_payment.html",
        form.status,
        back=url_for("admin.invoice", invoice_id=invoice_id),
        form=form,
        methods=METHODS,
        name=found.subscriber_name,
        invoice=found,
        to_pay=_positive(found.balance),
        subscriber_id=found.subscriber_id,
        preview=payment_preview(found.subscriber_id, found.id, form.values.get("amount", "")),
    )


@form_page(
    "/subscribers/<subscriber_id>/record-payment",
    permission=Permission.RECORD_PAYMENTS,
    event=Event("admin.record_subscriber_payment", "Recorded a payment", "payment"),
)
def record_subscriber_payment(subscriber_id: str) -> Response:
    owner = services().subscriber.get_subscriber(subscriber_id)
    account = if_it_answers(lambda: current().optional.billing.get_account(subscriber_id))
    form = Form(_payment_of(account.balance if account else None))
    payment = _record(form, subscriber_id, None)
    if payment is not None:
        return _recorded(payment, page_of(subscriber_id))
    return question(
        "record_payment.html",
        form.status,
        back=page_of(subscriber_id),
        form=form,
        methods=METHODS,
        name=owner.full_name,
        invoice=None,
        to_pay=_positive(account.balance if account else None),
        subscriber_id=subscriber_id,
        preview=payment_preview(subscriber_id, None, form.values.get("amount", "")),
    )


@form_page(
    "/invoices/<invoice_id>/void",
    permission=Permission.RUN_BILLING,
    event=Event("admin.void_invoice", "Voided an invoice", "invoice"),
)
def void_invoice(invoice_id: str) -> Response:
    found, form = services().billing.get_invoice(invoice_id), Form()
    voided = form.submit(
        VoidRequest,
        lambda asked: services().billing.void_invoice(asked.command(invoice_id, by_operator())),
        required=("reason",),
    )
    if voided is not None:
        return done(url_for("admin.invoice", invoice_id=invoice_id), f"Invoice {voided.number} was voided.")
    back = url_for("admin.invoice", invoice_id=invoice_id)
    return question("invoice_void.html", form.status, back=back, form=form, invoice=found)


def _owes(found: InvoiceView) -> bool:
    return found.balance.minor > 0 and found.status is not InvoiceStatus.VOID


def _positive(owed: Money | None) -> Money | None:
    return owed if owed is not None and owed.minor > 0 else None


def _payment_of(owed: Money | None) -> dict[str, str]:
    to_pay = _positive(owed)
    amount = pesos_as_typed(to_pay) if to_pay is not None else ""
    return {"amount": amount, "received_on": current().today().isoformat()}


def _record(form: Form, subscriber_id: str, invoice_id: str | None) -> PaymentView | None:
    return form.submit(
        NewPayment,
        lambda new: services().payment.record_payment(new.command(by_operator())),
        subscriber_id=subscriber_id,
        invoice_id=invoice_id,
    )


def _recorded(payment: PaymentView, address: str) -> Response:
    parts = wait_for_allocations(payment.id)
    g.record_id = payment.id
    return done(
        address,
        Markup('A payment of {} was recorded.{} <a href="{}">View payment</a>').format(
            money(payment.amount),
            _split_in_words(payment, parts),
            url_for("admin.payment", payment_id=payment.id),
        ),
    )


def _split_in_words(payment: PaymentView, parts: list[AllocationView] | None) -> str:
    """What the payment paid: " It paid ₱1,500.00 of INV-000001, and ₱500.00 became credit." """
    if parts is None:
        return ""
    words = [f"{money(part.amount)} of {part.invoice_number}" for part in parts]
    credit = payment.amount - total([part.amount for part in parts], payment.amount.currency)
    paid = f"It paid {', '.join(words)}" if words else ""
    if not credit.minor:
        return f" {paid}."
    return f" {paid}, and {money(credit)} became credit." if paid else f" {money(credit)} became credit."
