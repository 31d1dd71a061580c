"""What each run bills for its own month, and sums of whole months by invoice line."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("billing_runs", sa.Column("own_invoices", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("billing_runs", sa.Column("own_minor", sa.BigInteger(), nullable=False, server_default="0"))
    # An invoice can be for several months, so months are summed by lines.
    op.drop_index("ix_invoices_period_start", "invoices")
    not_voided = sa.text("NOT voided")
    op.create_index(
        "ix_invoice_lines_period_start",
        "invoice_lines",
        ["period_start", "invoice_id", "amount_minor"],
        sqlite_where=not_voided,
        postgresql_where=not_voided,
    )
