"""The books: the only place that writes ledger entries, so money moves nowhere else.

A transaction that enters something publishes, when it commits, what each account that it touched owes now.
Lists of subscribers are filtered and sorted by that; the ledger stays the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts.billing import AccountMoney, AccountsChanged
from contracts.money import Money
from servicekit import outbox
from sqlalchemy import event, func, insert, select
from sqlalchemy.orm import Session

from billing_svc.lookups import credits_of, load_settings, open_invoices_of
from billing_svc.models import Account, LedgerEntry

MAX_ACCOUNTS = 500  # of an event
TOUCHED = "touched accounts"


def enter(session: Session, entries: Sequence[dict[str, Any]]) -> None:
    """Write ledger entries, and publish `accounts.changed.v1` when the transaction commits.

    The caller holds the locks of the accounts.
    """
    if not entries:
        return
    session.execute(insert(LedgerEntry), entries)
    if TOUCHED not in session.info:
        session.info[TOUCHED] = set()
        now = entries[0]["recorded_at"]
        event.listen(session, "before_commit", lambda session: _publish_touched(session, now))
    session.info[TOUCHED].update(entry["subscriber_id"] for entry in entries)


def publish_next(session: Session, after: str | None, *, now: datetime) -> str | None:
    """Publish the next accounts by id, whether or not they have changed: to fill or repair what others keep.

    Returns where the following call begins, or None if no account was left.
    """
    query = select(Account.subscriber_id).order_by(Account.subscriber_id).limit(MAX_ACCOUNTS)
    if after is not None:
        query = query.where(Account.subscriber_id > after)
    subscriber_ids = session.scalars(query.with_for_update()).all()
    if not subscriber_ids:
        return None
    _publish(session, subscriber_ids, now)
    return subscriber_ids[-1]


def _publish_touched(session: Session, now: datetime) -> None:
    session.flush()
    touched = sorted(session.info.pop(TOUCHED, ()))
    for start in range(0, len(touched), MAX_ACCOUNTS):
        _publish(session, touched[start : start + MAX_ACCOUNTS], now)


def _publish(session: Session, subscriber_ids: Sequence[str], now: datetime) -> None:
    currency = load_settings(session).currency
    still_open = open_invoices_of(session, subscriber_ids)
    unused = credits_of(session, subscriber_ids)
    accounts = []
    for subscriber_id in subscriber_ids:
        left, oldest_due_on = still_open.get(subscriber_id, (0, None))
        balance = Money(left - unused.get(subscriber_id, 0), currency)
        accounts.append(AccountMoney(subscriber_id, balance, oldest_due_on))
    outbox.add(session, AccountsChanged(sequence=_sequence(session), accounts=accounts), now=now)


def _sequence(session: Session) -> int:
    """A number that grows with every change of an account: that of the newest entry we can see.

    A later transaction of the account enters something once it has the lock, so its number is larger.
    """
    return session.scalar(select(func.max(LedgerEntry.id))) or 0
