"""Exemptions of services, so that collections leave an exempted service alone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "exemption_projections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("subscriber_id", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemption_projections")),
    )
    op.create_index(op.f("ix_exemption_projections_service_id"), "exemption_projections", ["service_id"])
    not_ended = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_exemption_projections_active",
        "exemption_projections",
        ["subscriber_id"],
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )
