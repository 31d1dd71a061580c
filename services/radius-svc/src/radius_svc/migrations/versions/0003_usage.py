"""Create tables for daily usage. Usage of open sessions up to now is marked, not counted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "usage_days",
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("service_id", "day", name="pk_usage_days"),
    )
    op.create_table(
        "usage_marks",
        sa.Column("radacctid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("radacctid", name="pk_usage_marks"),
    )
    op.create_table(
        "usage_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_to", sa.BigInteger(), nullable=False),
        sa.Column("seen_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_progress"),
    )
    # In this order, a session that a listener starts in between is marked and not taken for an old one.
    op.execute(
        "INSERT INTO usage_progress (id, counted_to, seen_to)"
        " SELECT 1, coalesce(max(radacctid), 0), coalesce(max(radacctid), 0) FROM radacct"
    )
    op.execute(
        "INSERT INTO usage_marks (radacctid, download_octets, upload_octets, final)"
        " SELECT radacctid, coalesce(acctoutputoctets, 0), coalesce(acctinputoctets, 0), false"
        # A session closed on evidence may turn out to be alive. Then it also counts from here on.
        " FROM radacct WHERE acctstoptime IS NULL OR closed_on_evidence IS NOT NULL"
    )
