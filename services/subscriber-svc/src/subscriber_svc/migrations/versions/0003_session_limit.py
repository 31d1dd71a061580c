"""How many sessions a login may have at a time. Services that are there already stay without a limit."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("services", sa.Column("session_limit", sa.Integer(), nullable=True))
