"""The ledger: why a balance is what it is, and whether the books agree."""

from __future__ import annotations

from datetime import date

from contracts.billing import LedgerCheck
from contracts.receivables import Receivables
from pydantic import AwareDatetime

from gateway.api.routing import endpoint
from gateway.api.shapes import MoneyShape, Shape
from gateway.clients.context import current, services
from gateway.http.access import Permission


class AccountShape(Shape):
    """balance = receivable less credit; overdue is the part past its due date."""

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
    """`differences`: subscribers whose ledger does not agree with invoices less payments."""

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
    """Prove the ledger against invoices and payments."""
    return current().patient.billing.check_ledger()


@endpoint("GET", "/receivables", permission=Permission.VIEW_BILLING, answer=ReceivablesShape)
def get_receivables() -> Receivables:
    """Show what is owed, overdue, and collected."""
    return services().billing.get_receivables()
