"""Billing: invoices, generating them, one invoice with its payments."""

from __future__ import annotations

from contracts.billing import (
    InvoiceStatus,
    InvoiceView,
    ItemOutcome,
    PriceSource,
    RunStatus,
    StartBillingRun,
    VoidInvoice,
)
from contracts.payment import PaymentMethod, PaymentView, RecordPayment
from flask import Response, g, request, url_for

from gateway.access import Permission
from gateway.admin.forms import Form
from gateway.admin.pages import PAGE_SIZE, action, by_operator, done, page, show
from gateway.context import current, services
from gateway.display import method, money
from gateway.provisioning import wait_for_allocations

STATUSES = (
    (InvoiceStatus.SENT, "Sent"),
    (InvoiceStatus.PARTIALLY_PAID, "Partially Paid"),
    (InvoiceStatus.OVERDUE, "Overdue"),
    (InvoiceStatus.PAID, "Paid"),
    (InvoiceStatus.VOID, "Void"),
)
METHODS = [(value.value, method(value)) for value in PaymentMethod]
REFRESH_SECONDS = 1


@page("/billing", permission=Permission.VIEW_BILLING)
def billing() -> Response:
    status = request.args.get("status", "")
    wanted = InvoiceStatus(status) if status in {value for value, _ in STATUSES} else None
    invoices = services().billing.list_invoices(wanted, None, PAGE_SIZE, request.args.get("after"))
    return show(
        "billing.html",
        invoices=invoices.items,
        next=invoices.next,
        status=status,
        statuses=STATUSES,
        runs=services().billing.list_billing_runs(5, None).items,
        form=Form(),
    )


@action("/billing/generate", permission=Permission.RUN_BILLING)
def generate_invoices() -> Response:
    form = Form()
    on, preview = form.day("date"), form.values.get("preview") == "1"
    if form.ok:
        command = StartBillingRun(date=on, dry_run=preview, **by_operator())
        run = form.attempt(lambda: services().billing.start_billing_run(command))
        if run is not None:
            g.record_id = run.id
            return done(url_for("admin.billing_run", run_id=run.id))
    return show("generate.html", 422, form=form)


@page("/billing/runs/<run_id>", permission=Permission.VIEW_BILLING)
def billing_run(run_id: str) -> Response:
    run = services().billing.get_billing_run(run_id)
    outcome = request.args.get("outcome", "")
    wanted = ItemOutcome(outcome) if outcome in set(ItemOutcome) else None
    items = services().billing.list_billing_run_items(run_id, wanted, PAGE_SIZE, request.args.get("after"))
    response = show(
        "billing_run.html",
        run=run,
        items=items.items,
        next=items.next,
        outcome=outcome,
        done=run.created + run.skipped + run.failed,
        running=run.status is RunStatus.RUNNING,
    )
    if run.status is RunStatus.RUNNING:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response


@page("/invoices/<invoice_id>", permission=Permission.VIEW_BILLING)
def invoice(invoice_id: str) -> Response:
    found = services().billing.get_invoice(invoice_id)
    return _show_invoice(found, Form(_payment_of(found)))


@action("/invoices/<invoice_id>/payments", permission=Permission.RECORD_PAYMENTS)
def record_payment(invoice_id: str) -> Response:
    form, found = Form(), services().billing.get_invoice(invoice_id)
    payment = _record(form, found)
    if payment is None:
        return _show_invoice(found, form, 422)
    wait_for_allocations(payment.id)
    g.record_id = payment.id
    warning = " This reference was used before." if payment.same_reference else ""
    message = f"A payment of {money(payment.amount)} was recorded.{warning}"
    return done(url_for("admin.invoice", invoice_id=invoice_id), message)


@action("/invoices/<invoice_id>/void", permission=Permission.RUN_BILLING)
def void_invoice(invoice_id: str) -> Response:
    form = Form()
    command = VoidInvoice(invoice_id=invoice_id, reason=form.text("reason")[:200], **by_operator())
    voided = form.attempt(lambda: services().billing.void_invoice(command))
    if voided is None:
        found = services().billing.get_invoice(invoice_id)
        form.values = _payment_of(found)
        return _show_invoice(found, form, 409)
    return done(url_for("admin.invoice", invoice_id=invoice_id), f"Invoice {voided.number} is void.")


def _show_invoice(found: InvoiceView, form: Form, status: int = 200) -> Response:
    owes = found.balance.minor > 0 and found.status is not InvoiceStatus.VOID
    traces = {PriceSource.PLAN: "plan price", PriceSource.INDIVIDUAL: "individual price"}
    lines = [(line, traces[line.price_source]) for line in found.lines]
    return show("invoice.html", status, invoice=found, lines=lines, form=form, owes=owes, methods=METHODS)


def _payment_of(found: InvoiceView) -> dict[str, str]:
    whole, cents = divmod(max(found.balance.minor, 0), 100)
    return {"amount": f"{whole}.{cents:02d}", "received_on": current().today().isoformat()}


def _record(form: Form, found: InvoiceView) -> PaymentView | None:
    amount, how = form.pesos("amount", required=True), form.choice("method", PaymentMethod)
    reference, received_on = form.text("reference"), form.day("received_on")
    if not form.ok or amount is None or how is None:
        return None
    command = RecordPayment(
        subscriber_id=found.subscriber_id,
        invoice_id=found.id,
        amount=amount,
        method=how,
        reference=reference,
        received_on=received_on,
        **by_operator(),
    )
    return form.attempt(lambda: services().payment.record_payment(command))
