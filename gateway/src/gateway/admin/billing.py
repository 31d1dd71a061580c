"""Billing: the list of invoices, and generating them with a preview, progress and a report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contracts.billing import OPEN_STATUSES, InvoiceOrder, InvoiceQuery, InvoiceStatus
from contracts.billing_runs import BillingRunView, ItemOutcome, RunStatus
from contracts.money import Money
from contracts.subscriber import SubscriberView
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
from gateway.admin.subscribers import page_of
from gateway.audit.events import Event
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.display.billing import difference, invoice_status, run_outcome
from gateway.display.money import plain_amount
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.resources.billing import NewBillingRun, VoidRunRequest

STATUSES = (
    ("", "All"),
    ("open", "Open"),
    (InvoiceStatus.SENT.value, "Sent"),
    (InvoiceStatus.PARTIALLY_PAID.value, "Partially Paid"),
    (InvoiceStatus.OVERDUE.value, "Overdue"),
    (InvoiceStatus.PAID.value, "Paid"),
    (InvoiceStatus.VOID.value, "Void"),
)
RUNS_SHOWN = 20


@page("/billing", permission=Permission.VIEW_BILLING, sidebar=Entry(5, "Billing", "file-invoice"))
def billing() -> Response:
    query = _query()
    found = services().billing.list_invoices(query, PAGE_SIZE, request.args.get("after"))
    return show(
        "billing.html",
        list=Listing(found, query.order.value, export_address("admin.invoices_csv")),
        query=query,
        status=request.args.get("status", ""),
        statuses=STATUSES,
        narrowed=query != InvoiceQuery(order=query.order),
    )


@page("/invoices.csv", permission=Permission.VIEW_BILLING)
def invoices_csv() -> Response:
    header = ("Invoice", "Subscriber", "Status", "Issued", "Due Date", "Amount", "Balance", "Currency")
    return csv_response("invoices.csv", header, _rows(_query()))


@form_page(
    "/billing/generate",
    permission=Permission.RUN_BILLING,
    event=Event("admin.generate_invoices", "Generated or previewed invoices", "billing run"),
)
def generate_invoices() -> Response:
    subscriber_id = request.values.get("subscriber_id") or None
    form = Form({"date": current().today().isoformat(), "subscriber_id": subscriber_id or ""})
    run = form.submit(
        NewBillingRun,
        lambda new: services().billing.start_billing_run(new.command(by_operator())),
        dry_run=form.values.get("preview") == "1",
    )
    if run is not None:
        g.record_id = run.id
        return done(url_for("admin.billing_run", run_id=run.id))
    return question(
        "generate.html",
        form.status,
        back=page_of(subscriber_id) if subscriber_id else url_for("admin.billing"),
        form=form,
        subscriber=services().subscriber.get_subscriber(subscriber_id) if subscriber_id else None,
    )


@page("/billing/runs", permission=Permission.VIEW_BILLING)
def billing_runs() -> Response:
    found = services().billing.list_billing_runs(RUNS_SHOWN, request.args.get("after"))
    return show("billing_runs.html", list=Listing(found))


@page("/billing/runs/<run_id>", permission=Permission.VIEW_BILLING, shows="billing run")
def billing_run(run_id: str) -> Response:
    run = services().billing.get_billing_run(run_id)
    wanted = choice_argument("outcome", ItemOutcome)
    items = services().billing.list_billing_run_items(run_id, wanted, PAGE_SIZE, request.args.get("after"))
    return show(
        "billing_run.html",
        run=run,
        list=Listing(items, csv=url_for("admin.billing_run_csv", run_id=run_id)),
        outcome=wanted or "",
        done=run.created + run.skipped + run.failed,
        running=run.status is RunStatus.RUNNING,
        subscriber=_subscriber_of(run),
        again=_same_again(run),
        change=_change(run),
    )


@form_page(
    "/billing/runs/<run_id>/void",
    permission=Permission.RUN_BILLING,
    event=Event("admin.void_billing_run", "Voided the invoices of a billing run", "billing run"),
)
def void_billing_run(run_id: str) -> Response:
    run, form = services().billing.get_billing_run(run_id), Form()
    address = url_for("admin.billing_run", run_id=run_id)
    voided = form.submit(
        VoidRunRequest,
        lambda asked: services().billing.void_billing_run(asked.command(run_id, by_operator())),
        required=("reason",),
    )
    if voided is not None:
        return done(address, f"{voided.voided:,} of {voided.created:,} invoices of this run are void.")
    return question("billing_run_void.html", form.status, back=address, form=form, run=run)


@page("/billing/runs/<run_id>.csv", permission=Permission.VIEW_BILLING)
def billing_run_csv(run_id: str) -> Response:
    run = services().billing.get_billing_run(run_id)
    header = ("Subscriber", "Outcome", "Reason", "Amount", "Currency")
    return csv_response("billing-run.csv", header, _run_rows(run))


@page("/billing/suspensions-due", permission=Permission.VIEW_BILLING)
def suspensions_due() -> Response:
    tomorrow = current().today() + timedelta(days=1)
    due = services().billing.list_suspensions_due(tomorrow, PAGE_SIZE, request.args.get("after"))
    csv = url_for("admin.suspensions_due_csv")
    return show("suspensions_due.html", due=due, list=Listing(due.page, csv=csv))


@page("/billing/suspensions-due.csv", permission=Permission.VIEW_BILLING)
def suspensions_due_csv() -> Response:
    header = ("Subscriber", "Oldest due date", "Suspended on", "Overdue", "Currency")
    return csv_response("suspensions-due.csv", header, _suspension_rows())


def _query() -> InvoiceQuery:
    wanted = request.args.get("status", "")
    one = choice_argument("status", InvoiceStatus)
    return InvoiceQuery(
        text=text_argument("q") or None,
        statuses=OPEN_STATUSES if wanted == "open" else (one,) if one else (),
        subscriber_id=text_argument("subscriber") or None,
        due_from=date_argument("due_from"),
        due_until=date_argument("due_until"),
        order=choice_argument("order", InvoiceOrder) or InvoiceOrder.NEWEST,
    )


def _suspension_rows() -> Iterator[tuple[str, ...]]:
    tomorrow, due = current().today() + timedelta(days=1), services().billing.list_suspensions_due
    for row in every_item(lambda limit, after: due(tomorrow, limit, after).page):
        yield (
            row.subscriber_name,
            row.oldest_due_on.isoformat(),
            row.suspend_on.isoformat(),
            plain_amount(row.overdue),
            row.overdue.currency,
        )


def _rows(query: InvoiceQuery) -> Iterator[tuple[str, ...]]:
    list_invoices = services().billing.list_invoices
    for invoice in every_item(lambda limit, after: list_invoices(query, limit, after)):
        yield (
            invoice.number,
            invoice.subscriber_name,
            invoice_status(invoice).text,
            invoice.issued_on.isoformat(),
            invoice.due_on.isoformat(),
            plain_amount(invoice.total),
            plain_amount(invoice.balance),
            invoice.total.currency,
        )


def _run_rows(run: BillingRunView) -> Iterator[tuple[str, ...]]:
    items = services().billing.list_billing_run_items
    for item in every_item(lambda limit, after: items(run.id, None, limit, after)):
        amount = item.amount if item.amount is not None else Money(0, run.amount.currency)
        outcome = run_outcome(item.outcome, run.dry_run)
        yield (item.subscriber_name, outcome, item.reason, plain_amount(amount), amount.currency)


def _subscriber_of(run: BillingRunView) -> SubscriberView | None:
    id_ = run.subscriber_id
    if id_ is None:
        return None
    return if_it_answers(lambda: current().optional.subscriber.get_subscriber(id_))


def _same_again(run: BillingRunView) -> dict[str, str]:
    """The fields of the form that does what a preview shows. A past date chooses only the month."""
    day = run.date if run.period.start <= run.date < run.period.end else run.period.start
    ticked = {"voided_too": run.voided_too, "same_login_too": run.same_login_too}
    return {
        "date": day.isoformat(),
        "subscriber_id": run.subscriber_id or "",
        **{name: "on" for name, is_ticked in ticked.items() if is_ticked},
    }


def _change(run: BillingRunView) -> str:
    """How the run's whole month compares with the one before, in words; empty if nothing was billed then."""
    if run.month is None or run.previous is None or run.previous.invoices == 0:
        return ""
    return difference(run.month, run.previous)
