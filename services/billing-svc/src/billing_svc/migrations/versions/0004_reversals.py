"""Reversed payments: the day on which a reversal counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("received_payments", sa.Column("reversed_on", sa.Date(), nullable=True))
    is_reversed = sa.text("reversed_on IS NOT NULL")
    op.create_index(
        "ix_received_payments_reversed_on",
        "received_payments",
        ["reversed_on"],
        sqlite_where=is_reversed,
        postgresql_where=is_reversed,
    )
