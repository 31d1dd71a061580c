"""A refused login that comes again and again is one row a minute, with how often."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("radpostauth", sa.Column("repeats", sa.Integer(), nullable=True))
