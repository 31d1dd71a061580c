"""The day from which each service is billed, and the day on which it was terminated."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # SQLite needs a default to add a column that is never null. Every row gets the right value here.
    op.add_column(
        "services", sa.Column("billed_from", sa.Date(), nullable=False, server_default="2000-01-01")
    )
    op.execute("UPDATE services SET billed_from = activated_on")
    op.add_column("services", sa.Column("terminated_on", sa.Date(), nullable=True))
