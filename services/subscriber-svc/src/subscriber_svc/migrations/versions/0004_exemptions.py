"""Exemptions: a service stays up for a time despite a hold."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "exemptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "temporary_restore",
                name="exemptionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_exemptions_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemptions")),
    )
    op.create_index(op.f("ix_exemptions_service_id"), "exemptions", ["service_id"])
    op.create_index("ix_exemptions_starts_at", "exemptions", ["starts_at"])
    op.create_index("ix_exemptions_ended_at", "exemptions", ["ended_at"])
    not_ended = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_exemptions_active_kind",
        "exemptions",
        ["service_id", "kind"],
        unique=True,
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )
    op.create_index(
        "ix_exemptions_active_until",
        "exemptions",
        ["until"],
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )
