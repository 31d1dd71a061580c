"""Keeping a copy of what subscribers owe, so that lists can be filtered and sorted by it."""

from __future__ import annotations

from contracts.billing import AccountsChanged
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from subscriber_svc.models import NOTHING_DUE, Subscriber

subscribers = Subscriber.__table__


def keep_accounts(session: Session, event: AccountsChanged) -> None:
    """Keep what the accounts owe, except for those about which something newer is known."""
    rows = [
        {
            "of": account.subscriber_id,
            "minor": account.balance.minor,
            "currency": account.balance.currency,
            "due_on": account.oldest_due_on or NOTHING_DUE,
        }
        for account in sorted(event.accounts, key=lambda account: account.subscriber_id)  # as others lock
    ]
    keep = (
        update(subscribers)  # type: ignore[arg-type]  # a table
        .where(subscribers.c.id == bindparam("of"), subscribers.c.account_sequence <= event.sequence)
        .values(
            balance_minor=bindparam("minor"),
            balance_currency=bindparam("currency"),
            oldest_due_on=bindparam("due_on"),
            account_sequence=event.sequence,
        )
    )
    if rows:
        session.connection().execute(keep, rows)
