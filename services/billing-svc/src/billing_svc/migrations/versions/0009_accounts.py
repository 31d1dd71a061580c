"""What every account owes is published once: subscriber-svc keeps it from now on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from servicekit.ids import new_id

revision = "0009"
down_revision = "0008"

ACCOUNTS_AT_ONCE = 500

settings = sa.table("settings", sa.column("currency"))
accounts = sa.table("accounts", sa.column("subscriber_id"))
invoices = sa.table(
    "invoices", sa.column("subscriber_id"), sa.column("state"), sa.column("due_on", sa.Date())
)
ledger = sa.table(
    "ledger_entries",
    sa.column("id"),
    sa.column("subscriber_id"),
    sa.column("debit_account"),
    sa.column("credit_account"),
    sa.column("amount_minor"),
)
outbox_messages = sa.table(
    "outbox_messages",
    sa.column("id"),
    sa.column("type"),
    sa.column("subject"),
    sa.column("correlation_id"),
    sa.column("occurred_at", sa.DateTime(timezone=True)),
    sa.column("data"),
)


def upgrade() -> None:
    bind = op.get_bind()
    currency = bind.execute(sa.select(settings.c.currency)).scalar()
    people = bind.execute(sa.select(accounts.c.subscriber_id).order_by(accounts.c.subscriber_id)).scalars().all()
    sequence = bind.execute(sa.select(sa.func.max(ledger.c.id))).scalar() or 0
    for start in range(0, len(people), ACCOUNTS_AT_ONCE):
        _publish(people[start : start + ACCOUNTS_AT_ONCE], sequence, currency)


def _publish(some: Sequence[str], sequence: int, currency: str | None) -> None:
    balances, due = _balances(some), _oldest_due(some)
    states = [
        {
            "subscriber_id": id_,
            "balance": {"minor": int(balances.get(id_, 0)), "currency": currency},
            "oldest_due_on": due[id_].isoformat() if id_ in due else None,
        }
        for id_ in some
    ]
    message = {
        "id": new_id(),
        "type": "accounts.changed.v1",
        "subject": "billing.accounts",
        "correlation_id": "migration-0009",
        "occurred_at": datetime.now(UTC),
        "data": json.dumps({"sequence": sequence, "accounts": states}),
    }
    op.get_bind().execute(outbox_messages.insert(), message)


def _balances(some: Sequence[str]) -> dict:
    receivable = "receivable"
    signed = sa.case(
        (ledger.c.debit_account == receivable, ledger.c.amount_minor), else_=-ledger.c.amount_minor
    )
    query = (
        sa.select(ledger.c.subscriber_id, sa.func.sum(signed))
        .where(
            sa.or_(ledger.c.debit_account == receivable, ledger.c.credit_account == receivable),
            ledger.c.subscriber_id.in_(some),
        )
        .group_by(ledger.c.subscriber_id)
    )
    return dict(op.get_bind().execute(query).all())


def _oldest_due(some: Sequence[str]) -> dict:
    query = (
        sa.select(invoices.c.subscriber_id, sa.func.min(invoices.c.due_on))
        .where(invoices.c.state == "open", invoices.c.subscriber_id.in_(some))
        .group_by(invoices.c.subscriber_id)
    )
    return dict(op.get_bind().execute(query).all())
