"""Store repeated refusals of a login as one row per minute, with a count."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("radpostauth", sa.Column("repeats", sa.Integer(), nullable=True))
