"""Lists: in other orders, and with the names of subscribers."""

import json

import sqlalchemy as sa
from alembic import op
from servicekit.paging import folded

revision = "0002"
down_revision = "0001"

payments = sa.table("payments", sa.column("reference"), sa.column("reference_key"))
commands = sa.table("idempotent_commands", sa.column("key"), sa.column("answer"))


def upgrade() -> None:
    op.create_table(
        "subscriber_projections",
        sa.Column("subscriber_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name="pk_subscriber_projections"),
    )
    op.create_index("ix_payments_received_on", "payments", ["received_on", "id"])
    op.create_index("ix_payments_amount_minor", "payments", ["amount_minor", "id"])
    op.add_column("payments", sa.Column("reference_key", sa.Text(), nullable=False, server_default=""))
    _fill_reference_keys()
    _complete_kept_answers()


def _fill_reference_keys() -> None:
    """Folding is lower case for nearly all of them, which the database does at once."""
    op.execute(payments.update().values(reference_key=sa.func.lower(payments.c.reference)))
    references = op.get_bind().scalars(sa.select(payments.c.reference).distinct())
    for reference in [reference for reference in references if not reference.isascii()]:
        same = payments.update().where(payments.c.reference == reference)
        op.execute(same.values(reference_key=folded(reference)))


def _complete_kept_answers() -> None:
    """A payment that is sent again gets the answer that was kept: from now on every answer has a name."""
    kept = op.get_bind().execute(sa.select(commands).where(commands.c.answer.is_not(None))).all()
    for key, answer in kept:
        complete = json.dumps({"subscriber_name": "", **json.loads(answer)})
        op.execute(commands.update().where(commands.c.key == key).values(answer=complete))
