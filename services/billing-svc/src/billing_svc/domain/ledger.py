"""The ledger entries of each business fact. Entries are never changed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from contracts.money import Money

RECEIVABLE = "receivable"
REVENUE = "revenue"
TAX = "tax_payable"


def invoice_issued(
    *, invoice_id: str, subscriber_id: str, total: Money, tax: Money, on: date, at: datetime
) -> list[dict[str, Any]]:
    """The subscriber owes the total: revenue, and the tax included in it."""
    common = _common("invoice", invoice_id, subscriber_id, on, at)
    return _entries(common, [(RECEIVABLE, REVENUE, total - tax), (RECEIVABLE, TAX, tax)])


def invoice_voided(
    *, invoice_id: str, subscriber_id: str, total: Money, tax: Money, on: date, at: datetime
) -> list[dict[str, Any]]:
    """The reverse of `invoice_issued`."""
    common = _common("void", invoice_id, subscriber_id, on, at)
    return _entries(common, [(REVENUE, RECEIVABLE, total - tax), (TAX, RECEIVABLE, tax)])


def payment_received(
    *, payment_id: str, subscriber_id: str, method: str, amount: Money, on: date, at: datetime
) -> list[dict[str, Any]]:
    """The subscriber owes `amount` less. Below zero they have credit."""
    common = _common("payment", payment_id, subscriber_id, on, at)
    return _entries(common, [(f"cash:{method}", RECEIVABLE, amount)])


def payment_reversed(
    *, payment_id: str, subscriber_id: str, method: str, amount: Money, on: date, at: datetime
) -> list[dict[str, Any]]:
    """The reverse of `payment_received`: the subscriber owes `amount` again."""
    common = _common("payment_reversal", payment_id, subscriber_id, on, at)
    return _entries(common, [(RECEIVABLE, f"cash:{method}", amount)])


def _common(kind: str, source_id: str, subscriber_id: str, on: date, at: datetime) -> dict[str, Any]:
    return {
        "kind": kind,
        "source_id": source_id,
        "subscriber_id": subscriber_id,
        "effective_on": on,
        "recorded_at": at,
    }


def _entries(common: dict[str, Any], movements: list[tuple[str, str, Money]]) -> list[dict[str, Any]]:
    """Rows of LedgerEntry, without movements of zero."""
    return [
        {
            **common,
            "debit_account": debit,
            "credit_account": credit,
            "amount_minor": amount.minor,
            "currency": amount.currency,
        }
        for debit, credit, amount in movements
        if amount.minor
    ]
