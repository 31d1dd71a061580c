"""Alembic for a service: `migrate` brings its database up to date. Replicas can start at the same time."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from servicekit.db import Database
from servicekit.tables import BigSerial

# Any number will do, as long as all processes of a service use the same one.
ADVISORY_LOCK = 7_201_408
LOCK_POLL_SECONDS = 0.05


def migrate(database: Database, package: str, revision: str = "head") -> None:
    """Upgrade the database to a revision of the schema of `package` (such as "billing_svc"), by default the
    newest."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            # A migration can take long, and so can waiting for another replica to finish it.
            connection.execute(sa.text("set lock_timeout = 0; set statement_timeout = 0"))
            connection.commit()
            _wait_for_our_turn(connection)
        try:
            config = _config(package)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        finally:
            if not database.is_sqlite:
                connection.rollback()
                connection.execute(sa.text(f"select pg_advisory_unlock({ADVISORY_LOCK})"))
                connection.execute(sa.text("reset lock_timeout; reset statement_timeout"))
                connection.commit()


def _wait_for_our_turn(connection: Connection) -> None:
    """By polling. A statement that waits for the lock would hold a snapshot, and an index that the holder of
    the lock builds concurrently would wait for that snapshot to end: a deadlock."""
    while not connection.execute(sa.text(f"select pg_try_advisory_lock({ADVISORY_LOCK})")).scalar():
        connection.commit()
        time.sleep(LOCK_POLL_SECONDS)
    connection.commit()


def build_index(name: str, on: str) -> None:
    """In a migration: `CREATE INDEX name ON on`, without blocking writers on PostgreSQL.

    That is not possible inside a transaction, so what the migration did before is committed first, and must
    be safe to repeat. What a failed attempt left behind is removed.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")
        return
    with op.get_context().autocommit_block():
        unusable = sa.text("select not indisvalid from pg_index where indexrelid = to_regclass(:name)")
        if op.get_bind().execute(unusable, {"name": name}).scalar():
            op.execute(f"DROP INDEX CONCURRENTLY {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")


def replace_index(name: str, on: str) -> None:
    """In a migration for PostgreSQL: replace the index of that name, with one or the other in place at any
    time, and built like `build_index` does."""
    new = f"{name}_new"
    build_index(new, on)
    drop_index(name)
    with op.get_context().autocommit_block():
        op.execute(f"ALTER INDEX {new} RENAME TO {name}")


def drop_index(name: str) -> None:
    """In a migration: drop an index, without blocking writers on PostgreSQL."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP INDEX IF EXISTS {name}")
        return
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def is_current(connection: Connection, package: str) -> bool:
    """Whether the schema of the database is the newest that this code knows."""
    head = ScriptDirectory.from_config(_config(package)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _config(package: str) -> Config:
    config = Config()
    directory = Path(str(importlib.import_module(package).__file__)).parent / "migrations"
    config.set_main_option("script_location", str(directory))
    return config


def run_env() -> None:
    """The body of every service's migrations/env.py."""
    from alembic import context  # it has a state only while Alembic runs an environment

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def create_kit_tables_v1() -> None:
    """Create the kit's tables (servicekit.tables). Frozen: later changes go into another function."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "outbox_messages",
        sa.Column("seq", BigSerial, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("sent_at", instant),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox_messages"),
        sa.UniqueConstraint("id", name="uq_outbox_messages_id"),
    )
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_outbox_messages_unsent", "outbox_messages", ["seq"], sqlite_where=unsent, postgresql_where=unsent
    )
    op.create_index("ix_outbox_messages_sent_at", "outbox_messages", ["sent_at"])
    op.create_table(
        "inbox_messages",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("received_at", instant, nullable=False),
        sa.Column("next_attempt_at", instant),
        sa.Column("envelope", sa.Text),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("event_id", name="pk_inbox_messages"),
    )
    undone = sa.text("status <> 'done'")
    op.create_index(
        "ix_inbox_messages_undone",
        "inbox_messages",
        ["next_attempt_at"],
        sqlite_where=undone,
        postgresql_where=undone,
    )
    op.create_index("ix_inbox_messages_received_at", "inbox_messages", ["received_at"])
    op.create_table(
        "idempotent_commands",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotent_commands"),
    )
    op.create_index("ix_idempotent_commands_created_at", "idempotent_commands", ["created_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
