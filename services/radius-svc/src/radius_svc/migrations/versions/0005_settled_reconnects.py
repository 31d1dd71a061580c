"""Store when a service was back online. The job fills in the existing cases."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("reconnects", sa.Column("online_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reconnects", sa.Column("milliseconds", sa.BigInteger(), nullable=True))
    not_online = sa.text("online_at IS NULL")
    op.create_index(
        "ix_reconnects_open",
        "reconnects",
        ["authorized_at"],
        sqlite_where=not_online,
        postgresql_where=not_online,
    )
    op.create_index("ix_reconnects_paid_at_milliseconds", "reconnects", ["paid_at", "milliseconds"])
