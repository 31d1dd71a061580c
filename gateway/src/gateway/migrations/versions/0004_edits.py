"""Who edited the branding last, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("branding", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("branding", sa.Column("edited_by", sa.Text(), nullable=True))
