"""Add invitations, second factors and held forms, where a session began, and more audit log columns."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)
ROLES = sa.Enum(
    "owner", "admin", "staff", "technician",
    name="role", native_enum=False, create_constraint=True, length=32,
)


def upgrade() -> None:
    op.add_column("operators", sa.Column("last_seen_at", INSTANT))
    remake_login_sessions()
    op.create_table(
        "second_factors",
        sa.Column("operator_id", sa.Text, nullable=False),
        sa.Column("secret_encrypted", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("operator_id", name="pk_second_factors"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_second_factors_operator_id"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("operator_id", sa.Text, nullable=False),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.PrimaryKeyConstraint("operator_id", "code_hash", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_recovery_codes_operator_id"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("role", ROLES, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("accepted_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        sa.ForeignKeyConstraint(["invited_by"], ["operators.id"], name="fk_invitations_invited_by"),
    )
    op.create_index("ix_invitations_invited_by", "invitations", ["invited_by"])
    still_open = sa.text("accepted_at IS NULL AND revoked_at IS NULL")
    op.create_index(
        "ix_invitations_open", "invitations", ["email"],
        unique=True, sqlite_where=still_open, postgresql_where=still_open,
    )
    op.create_table(
        "held_forms",
        sa.Column("operator_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("content_encrypted", sa.Text, nullable=False),
        sa.Column("held_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("operator_id", "path", name="pk_held_forms"),
    )
    op.create_index("ix_held_forms_held_at", "held_forms", ["held_at"])
    for column in ("role", "event"):
        op.add_column("audit_log", sa.Column(column, sa.Text, nullable=False, server_default=""))
    op.create_index("ix_audit_log_operator_id_id", "audit_log", ["operator_id", "id"])
    op.create_index("ix_audit_log_event_id", "audit_log", ["event", "id"])


def remake_login_sessions() -> None:
    """Everyone has to log in again, because it is unknown where existing sessions began."""
    op.drop_table("login_sessions")
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("operator_id", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_login_sessions_token_hash"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_login_sessions_operator_id"),
    )
    op.create_index("ix_login_sessions_operator_id", "login_sessions", ["operator_id"])
    op.create_index("ix_login_sessions_last_seen_at", "login_sessions", ["last_seen_at"])
