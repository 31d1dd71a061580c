"""The ISP's branding: name, color, contacts, logo."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "branding",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("isp_name", sa.Text, nullable=False),
        sa.Column("color", sa.Text, nullable=False),
        sa.Column("support_phone", sa.Text, nullable=False),
        sa.Column("support_email", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("tin", sa.Text, nullable=False),
        sa.Column("logo_type", sa.Text),
        sa.Column("logo", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_branding"),
    )
