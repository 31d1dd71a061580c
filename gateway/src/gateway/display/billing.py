"""Invoices, payments and balances on the screen."""

from __future__ import annotations

from contracts.access import active_exemptions
from contracts.billing import AccountView, CollectionStatus, InvoiceStatus, InvoiceSummary, InvoiceView
from contracts.billing_runs import ItemOutcome, PeriodTotals, RunStatus
from contracts.money import Money
from contracts.payment import PaymentMethod, PaymentView
from contracts.receivables import AgingBucket

from gateway.clients.context import current
from gateway.display.money import money
from gateway.display.times import days, minute
from gateway.display.times import month as month_name
from gateway.display.words import Words, template_filter


@template_filter
def due_in_words(invoice: InvoiceSummary) -> str:
    """overdue 12 days; due in 3 days; due today. Empty for an invoice that is paid or void."""
    if not invoice.status.is_open:
        return ""
    if invoice.days_overdue:
        return f"overdue {days(invoice.days_overdue)}"
    left = (invoice.due_on - current().today()).days
    return "due today" if left == 0 else f"due in {days(left)}"


@template_filter
def collection_status(invoice: InvoiceSummary) -> str:
    words = {
        CollectionStatus.PENDING: "No action yet",
        CollectionStatus.SUSPENDED: "Service suspended",
        CollectionStatus.RESTORED: "Restored after payment",
    }
    return words[invoice.collection_status]


@template_filter
def collection_in_words(invoice: InvoiceView) -> str:
    """What collections did, and whether an operator restored the services for a time."""
    active = active_exemptions(invoice.exemptions, current().clock.now())
    if invoice.status.is_open and active:
        return f"Restored until {minute(max(one.until for one in active))}"
    return collection_status(invoice)


def difference(month: PeriodTotals, before: PeriodTotals) -> str:
    """November 2026 as a whole: ₱4,500.00 in 3 invoices, ₱1,500.00 more than October 2026 (1 more invoice)"""
    minor, more = month.amount.minor - before.amount.minor, month.invoices - before.invoices
    apart = money(Money(abs(minor), month.amount.currency))
    amount_words = f"{apart} {'more' if minor > 0 else 'less'} than" if minor else "the same amount as"
    count_words = f"{abs(more):,} {'more' if more > 0 else 'fewer'}" if more else "the same number of"
    invoices = "invoice" if abs(more) == 1 else "invoices"
    total = "invoice" if month.invoices == 1 else "invoices"
    return (
        f"{month_name(month.period.start)} as a whole: {money(month.amount)} in {month.invoices:,} {total}, "
        f"{amount_words} {month_name(before.period.start)} ({count_words} {invoices})"
    )


def aging_words(bucket: AgingBucket) -> str:
    if bucket.from_days == 0:
        return "Not due yet"
    if bucket.until_days is None:
        return f"More than {bucket.from_days - 1} days"
    return f"{bucket.from_days} to {bucket.until_days} days"


@template_filter
def account_state(account: AccountView) -> Words:
    """The state of a balance: overdue, credit, not due yet or nothing to pay."""
    if account.overdue.minor:
        return Words(f"{money(account.overdue)} overdue", "bad")
    if account.credit.minor:
        return Words(f"{money(account.credit)} credit", "good")
    return Words("Not due yet", "info") if account.balance.minor else Words("Nothing to pay", "good")


@template_filter
def ledger_kind(kind: str) -> str:
    words = {
        "invoice": "Invoice issued",
        "void": "Invoice voided",
        "payment": "Payment received",
        "payment_reversal": "Payment reversed",
    }
    return words.get(kind, kind.capitalize())


@template_filter
def ledger_account(account: str) -> str:
    """A ledger account: `receivable` is owed by the subscriber, `cash:gcash` was received by GCash."""
    name, _, how = account.partition(":")
    words = {"receivable": "Owed by the subscriber", "revenue": "Revenue", "tax_payable": "VAT payable"}
    if name == "cash" and how in set(PaymentMethod):
        return method(PaymentMethod(how))
    return words.get(name, account)


@template_filter
def invoice_status(invoice: InvoiceSummary) -> Words:
    words = {
        InvoiceStatus.SENT: Words("Sent", "info"),
        InvoiceStatus.PARTIALLY_PAID: Words("Partially Paid", "warn"),
        InvoiceStatus.OVERDUE: Words("Overdue", "bad"),
        InvoiceStatus.PAID: Words("Paid", "good"),
        InvoiceStatus.VOID: Words("Void", "quiet"),
    }
    return words[invoice.status]


@template_filter
def method(value: PaymentMethod) -> str:
    words = {
        PaymentMethod.CASH: "Cash",
        PaymentMethod.GCASH: "GCash",
        PaymentMethod.BANK: "Bank transfer",
        PaymentMethod.OTHER: "Other",
    }
    return words[value]


@template_filter
def payment_status(payment: PaymentView) -> Words | None:
    """Reversed or Moved; None for a payment that counts."""
    if payment.reversal is None:
        return None
    return Words("Reversed" if payment.reversal.moved_to is None else "Moved", "quiet")


@template_filter
def run_status(status: RunStatus) -> Words:
    words = {
        RunStatus.RUNNING: Words("Running", "warn"),
        RunStatus.FINISHED: Words("Finished", "good"),
        RunStatus.FAILED: Words("Failed", "bad"),
    }
    return words[status]


@template_filter
def run_outcome(outcome: ItemOutcome, dry_run: bool) -> str:
    """What a billing run did for a subscriber or, in a preview, would do."""
    if dry_run and outcome is ItemOutcome.CREATED:
        return "To be created"
    return outcome.value.capitalize()
