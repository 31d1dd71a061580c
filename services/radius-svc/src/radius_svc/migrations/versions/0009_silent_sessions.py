"""Store since when each router reports, allow probes, and index old changes."""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import build_index

revision = "0009"
down_revision = "0008"

KINDS = {
    "session_changes": ("changekind", ["authorization", "rate", "kick"]),
    "request_attempts": ("requestkind", ["coa", "disconnect"]),
}


def upgrade() -> None:
    build_index("ix_session_changes_finished_at", "session_changes (finished_at)")
    op.create_table(
        "nas_hearings",
        sa.Column("router_id", sa.Text(), nullable=False),
        sa.Column("nas_ip_address", sa.Text(), nullable=False),
        sa.Column("steady_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("router_id", "nas_ip_address", name="pk_nas_hearings"),
    )
    allow = _allow_on_sqlite if op.get_bind().dialect.name == "sqlite" else _allow
    for table, (constraint, kinds) in KINDS.items():
        allow(table, constraint, _listed(kinds), _listed([*kinds, "probe"]))


def _listed(kinds: list[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


def _allow(table: str, constraint: str, _old: str, new: str) -> None:
    op.drop_constraint(constraint, table)
    op.create_check_constraint(constraint, table, f"kind IN ({new})")


def _allow_on_sqlite(table: str, _constraint: str, old: str, new: str) -> None:
    """Change the text of the CHECK in the schema, as SQLite's manual of ALTER TABLE describes.

    Replacing the table is not possible, because tables that refer to it prevent dropping the old one.
    """
    bind = op.get_bind()
    version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (f"({old})", f"({new})", table),
    )
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")
