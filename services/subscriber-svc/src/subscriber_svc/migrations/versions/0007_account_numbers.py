"""Every subscriber gets an account number, in the order in which they were added."""

import sqlalchemy as sa
from alembic import op
from contracts import account_number

revision = "0007"
down_revision = "0006"

subscribers = sa.table("subscribers", *map(sa.column, ("id", "created_at", "account_number")))
counter = sa.table("account_counter", sa.column("id"), sa.column("last_number"))


def upgrade() -> None:
    op.create_table(
        "account_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_counter")),
    )
    op.add_column("subscribers", sa.Column("account_number", sa.Text(), nullable=False, server_default=""))
    _number_everybody()
    numbered = sa.text("account_number <> ''")
    op.create_index(
        "uq_subscribers_account_number",
        "subscribers",
        ["account_number"],
        unique=True,
        sqlite_where=numbered,
        postgresql_where=numbered,
    )


def _number_everybody() -> None:
    """With one UPDATE from a temporary table: one for each subscriber takes PostgreSQL six times as long."""
    in_order = sa.select(subscribers.c.id).order_by(subscribers.c.created_at, subscribers.c.id)
    everybody = op.get_bind().scalars(in_order).all()
    if not everybody:
        return
    numbers = op.create_table(
        "new_account_numbers",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("digits", sa.Text()),
        prefixes=["TEMPORARY"],
    )
    given = enumerate(everybody, account_number.FIRST)
    op.bulk_insert(numbers, [{"id": id_, "digits": account_number.complete(number)} for number, id_ in given])
    its_own = sa.select(numbers.c.digits).where(numbers.c.id == subscribers.c.id).scalar_subquery()
    op.execute(subscribers.update().values(account_number=its_own))
    op.drop_table("new_account_numbers")
    op.bulk_insert(counter, [{"id": 1, "last_number": account_number.FIRST + len(everybody) - 1}])
