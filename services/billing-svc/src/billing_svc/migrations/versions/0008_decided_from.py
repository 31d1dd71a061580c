"""Months that stay decided when the first day of a service moves to an earlier month."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("service_projections", sa.Column("decided_from", sa.Date(), nullable=True))
