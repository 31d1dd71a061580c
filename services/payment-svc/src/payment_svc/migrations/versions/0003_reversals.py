"""Reversals of payments."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "payment_reversals",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts_on", sa.Date(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_payment_reversals_payment_id_payments"),
        sa.ForeignKeyConstraint(["moved_to"], ["payments.id"], name="fk_payment_reversals_moved_to_payments"),
        sa.PrimaryKeyConstraint("payment_id", name="pk_payment_reversals"),
        sa.UniqueConstraint("moved_to", name="uq_payment_reversals_moved_to"),
    )
