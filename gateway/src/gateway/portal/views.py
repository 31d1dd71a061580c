"""What the subscriber's page shows, in words. Each part is None while its service is unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.billing import (
    CLOSED_STATUSES,
    OPEN_STATUSES,
    AccountView,
    InvoiceOrder,
    InvoiceQuery,
    InvoiceSummary,
)
from contracts.money import Money
from contracts.payment import PaymentQuery, PaymentView
from contracts.subscriber import SubscriberView

from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display.billing import due_in_words
from gateway.display.subscribers import service_in_words
from gateway.display.words import Words

MAX_OPEN = 50
MAX_PAST = 12


@dataclass(frozen=True)
class Service:
    """A service of the subscriber. `username` is empty if it is the only one."""

    plan_name: str
    username: str
    words: Words


@dataclass(frozen=True)
class Owed:
    """What subscribers owe. `amount` is never negative; `note` says when it is due, `tone` as in Words."""

    title: str
    amount: Money
    note: str
    tone: str


@dataclass(frozen=True)
class OpenInvoice:
    view: InvoiceSummary
    due: str
    tone: str


@dataclass(frozen=True)
class State:
    first_name: str
    account_number: str
    services: list[Service]
    owed: Owed | None
    invoices: list[OpenInvoice] | None
    past: list[InvoiceSummary] | None
    payments: list[PaymentView] | None
    looked_at: datetime


def state(subscriber: SubscriberView) -> State:
    account = if_it_answers(lambda: current().optional.billing.get_account(subscriber.id))
    invoices = _open_invoices(subscriber.id) if account else None
    return State(
        first_name=(subscriber.full_name.split() or [""])[0],
        account_number=subscriber.account_number,
        services=_services(subscriber),
        owed=owed(account, invoices or []) if account else None,
        invoices=invoices,
        # If billing did not respond just now, don't wait for it again.
        past=_past_invoices(subscriber.id) if account else None,
        payments=_payments(subscriber.id),
        looked_at=current().clock.now(),
    )


def _past_invoices(subscriber_id: str) -> list[InvoiceSummary] | None:
    query = InvoiceQuery(statuses=CLOSED_STATUSES, subscriber_id=subscriber_id)
    found = if_it_answers(lambda: current().optional.billing.list_invoices(query, MAX_PAST, None))
    return found.items if found else None


def _payments(subscriber_id: str) -> list[PaymentView] | None:
    query = PaymentQuery(subscriber_id=subscriber_id)
    found = if_it_answers(lambda: current().optional.payment.list_payments(query, MAX_PAST, None))
    return found.items if found else None


def owed(account: AccountView, invoices: list[OpenInvoice]) -> Owed:
    balance = account.balance
    if balance.minor < 0:
        return Owed("Your credit", -balance, "It will be applied to your next invoice.", "good")
    if balance.minor == 0:
        return Owed("Nothing to pay", balance, "Thank you.", "good")
    note = invoices[0].due if invoices else ""
    return Owed("You owe", balance, note, "bad" if account.overdue.minor > 0 else "plain")


def _open_invoices(subscriber_id: str) -> list[OpenInvoice] | None:
    query = InvoiceQuery(statuses=OPEN_STATUSES, subscriber_id=subscriber_id, order=InvoiceOrder.DUE_ON)
    found = if_it_answers(lambda: current().optional.billing.list_invoices(query, MAX_OPEN, None))
    if found is None:
        return None
    return [OpenInvoice(each, _due(each), "bad" if each.days_overdue else "quiet") for each in found.items]


def _due(invoice: InvoiceSummary) -> str:
    """Due in 5 days; Due today; Overdue 12 days"""
    words = due_in_words(invoice)
    return f"Due {words}" if words.startswith("in ") else words[:1].upper() + words[1:]


def _services(subscriber: SubscriberView) -> list[Service]:
    """The services to show. Terminated ones are left out unless there are no others."""
    shown = subscriber.live_services or subscriber.services
    return [
        Service(each.plan_name, each.pppoe_username if len(shown) > 1 else "", service_in_words(each))
        for each in shown
    ]
