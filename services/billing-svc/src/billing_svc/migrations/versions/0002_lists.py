"""Lists: in other orders, by status, and searched by name and number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from servicekit.paging import folded

revision = "0002"
down_revision = "0001"

ROWS_AT_ONCE = 5000

accounts = sa.table(
    "accounts", sa.column("subscriber_id"), sa.column("full_name"), sa.column("name_key")
)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("name_key", sa.Text(), nullable=False, server_default=""))
    _fill_name_keys()
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("invoices", "number", type_=sa.Text(collation="C"))
    op.create_index("ix_invoices_due_on", "invoices", ["due_on", "id"])
    op.create_index("ix_invoices_total_minor", "invoices", ["total_minor", "id"])
    op.create_index("ix_invoices_period_start", "invoices", ["period_start", "state", "total_minor"])
    void = sa.text("state = 'void'")
    op.create_index("ix_invoices_void", "invoices", ["id"], sqlite_where=void, postgresql_where=void)


def _fill_name_keys() -> None:
    fill = accounts.update().where(accounts.c.subscriber_id == sa.bindparam("of"))
    everybody = op.get_bind().execute(sa.select(accounts.c.subscriber_id, accounts.c.full_name)).all()
    for start in range(0, len(everybody), ROWS_AT_ONCE):
        op.get_bind().execute(
            fill.values(name_key=sa.bindparam("key")),
            [{"of": id_, "key": folded(name)} for id_, name in everybody[start : start + ROWS_AT_ONCE]],
        )
