"""What people edit counts its edits, so that a stale one can be refused."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table in ("plans", "subscribers", "services"):
        op.add_column(table, sa.Column("edit_version", sa.Integer(), nullable=False, server_default="1"))
        op.add_column(table, sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("edited_by", sa.Text(), nullable=True))
