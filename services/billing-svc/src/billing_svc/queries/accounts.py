"""What subscribers owe, and the ledger that proves it. Lists are paged or bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from contracts.billing import AccountView, LedgerCheck, LedgerEntryView
from contracts.common import Page
from contracts.money import Money
from servicekit.db import is_unset
from servicekit.paging import MAX_PAGE_SIZE, page_of
from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.ledger import RECEIVABLE
from billing_svc.lookups import left_to_pay, load_settings, unused
from billing_svc.models import Invoice, LedgerEntry, ReceivedPayment
from billing_svc.views import entry_view


def list_accounts(session: Session, subscriber_ids: Sequence[str], today: date) -> list[AccountView]:
    """One view for each id (at most 200); all amounts are zero if nothing is known of a subscriber."""
    currency = load_settings(session).currency
    ids = list(subscriber_ids)[:MAX_PAGE_SIZE]
    receivable = _sums(session, _receivable_balance(), LedgerEntry.subscriber_id, ids)
    credit = _sums(session, _credit(), ReceivedPayment.subscriber_id, ids)
    overdue = _sums(session, _left_on_invoices().where(Invoice.due_on < today), Invoice.subscriber_id, ids)
    return [
        AccountView(
            subscriber_id=subscriber_id,
            balance=Money(receivable.get(subscriber_id, 0), currency),
            credit=Money(credit.get(subscriber_id, 0), currency),
            overdue=Money(overdue.get(subscriber_id, 0), currency),
        )
        for subscriber_id in ids
    ]


def list_ledger_entries(
    session: Session, subscriber_id: str, limit: int, after: str | None
) -> Page[LedgerEntryView]:
    query = select(LedgerEntry).where(LedgerEntry.subscriber_id == subscriber_id)
    return page_of(session, query, LedgerEntry.id, entry_view, limit=limit, after=after or None)


def check_ledger(session: Session) -> LedgerCheck:
    """Prove the ledger: for each subscriber, receivable = left to pay on invoices - unallocated money."""
    currency = load_settings(session).currency
    receivable = _sums(session, _receivable_balance(), LedgerEntry.subscriber_id)
    credit = _sums(session, _credit(), ReceivedPayment.subscriber_id)
    invoices = _sums(session, _left_on_invoices(), Invoice.subscriber_id)
    subscriber_ids = receivable.keys() | credit.keys() | invoices.keys()
    wrong = [
        subscriber_id
        for subscriber_id in subscriber_ids
        if receivable.get(subscriber_id, 0) != invoices.get(subscriber_id, 0) - credit.get(subscriber_id, 0)
    ]
    return LedgerCheck(
        receivable=Money(sum(receivable.values()), currency),
        credit=Money(sum(credit.values()), currency),
        invoices_open=Money(sum(invoices.values()), currency),
        differences=sorted(wrong)[:MAX_PAGE_SIZE],
    )


def _receivable_balance() -> Select:
    signed = case(
        (LedgerEntry.debit_account == RECEIVABLE, LedgerEntry.amount_minor),
        else_=-LedgerEntry.amount_minor,
    )
    return select(func.sum(signed)).where(
        (LedgerEntry.debit_account == RECEIVABLE) | (LedgerEntry.credit_account == RECEIVABLE)
    )


def _left_on_invoices() -> Select:
    return select(func.sum(left_to_pay())).where(Invoice.state == InvoiceState.OPEN)


def _credit() -> Select:
    return select(func.sum(unused())).where(is_unset(ReceivedPayment.exhausted))


def _sums(session: Session, query: Select, key, keys: Sequence[str] | None = None) -> dict[str, int]:
    """The sum that `query` selects for each value of the column `key`, for these values or for all."""
    query = query.add_columns(key).group_by(key)
    if keys is not None:
        query = query.where(key.in_(keys))
    return {value: int(amount or 0) for amount, value in session.execute(query)}
