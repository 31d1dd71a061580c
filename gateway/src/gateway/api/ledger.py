"""Balances and the ledger: why a balance is what it is, and whether the books agree."""

from __future__ import annotations

from datetime import date

from contracts.billing import AccountView, LedgerCheck, LedgerEntryView
from contracts.common import Page
from contracts.receivables import Receivables
from pydantic import AwareDatetime

from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, Shape
from gateway.clients.context import current, services
from gateway.http.access import Permission


class AccountShape(Shape):
    """balance = receivable - credit. `overdue` is the part past its due date."""

    subscriber_id: str
    balance: MoneyShape
    credit: MoneyShape
    overdue: MoneyShape


class LedgerEntryShape(Shape):
    """`amount` leaves `credit_account` and enters `debit_account`."""

    id: int
    subscriber_id: str
    debit_account: str
    credit_account: str
    amount: MoneyShape
    kind: str
    source_id: str
    effective_on: date
    recorded_at: AwareDatetime


class LedgerCheckShape(Shape):
    """`differences`: subscribers whose ledger differs from their invoices minus payments."""

    receivable: MoneyShape
    credit: MoneyShape
    invoices_open: MoneyShape
    differences: list[str]


class ReceivablesShape(Shape):
    receivable: MoneyShape
    overdue: MoneyShape
    collected_today: MoneyShape
    collected_this_month: MoneyShape
    open_invoices: int
    overdue_invoices: int


@endpoint("GET", "/ledger/check", permission=Permission.VIEW_BILLING, answer=LedgerCheckShape)
def check_ledger() -> LedgerCheck:
    """Check the ledger against invoices and payments."""
    return current().patient.billing.check_ledger()


@endpoint("GET", "/receivables", permission=Permission.VIEW_BILLING, answer=ReceivablesShape)
def get_receivables() -> Receivables:
    """Show what is owed, overdue, and collected."""
    return services().billing.get_receivables()


@endpoint("GET", "/accounts/<subscriber_id>", permission=Permission.VIEW_BILLING, answer=AccountShape)
def get_account(subscriber_id: str) -> AccountView:
    """Show a subscriber's balance, the overdue part of it, and credit."""
    services().subscriber.get_subscriber(subscriber_id)
    return services().billing.get_account(subscriber_id)


@endpoint(
    "GET",
    "/subscribers/<subscriber_id>/ledger",
    permission=Permission.VIEW_BILLING,
    query=Paging,
    answer=Listing[LedgerEntryShape],
)
def list_ledger_entries(subscriber_id: str, query: Paging) -> Page[LedgerEntryView]:
    """List every transaction that makes up a subscriber's balance."""
    services().subscriber.get_subscriber(subscriber_id)
    return services().billing.list_ledger_entries(subscriber_id, query.limit, query.after)
