"""The area of a subscriber, and a copy of what they owe, which billing publishes after its own upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

COLUMNS = (
    ("area", sa.Text(), ""),
    ("area_key", sa.Text(), ""),
    ("balance_minor", sa.BigInteger(), "0"),
    ("balance_currency", sa.String(length=3), "PHP"),
    ("oldest_due_on", sa.Date(), "9999-12-31"),
    ("account_sequence", sa.BigInteger(), "0"),
)


def upgrade() -> None:
    for name, kind, default in COLUMNS:
        op.add_column("subscribers", sa.Column(name, kind, nullable=False, server_default=default))
    for indexed in ("area_key", "balance_minor", "oldest_due_on"):
        op.create_index(f"ix_subscribers_{indexed}", "subscribers", [indexed, "id"])
