"""Routers."""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import create_kit_tables_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables_v1()
    op.create_table('routers',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('online', 'disabled', name='routerstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('nas_address', sa.Text(), nullable=False),
    sa.Column('radius_secret_encrypted', sa.Text(), nullable=False),
    sa.Column('coa_port', sa.Integer(), nullable=False),
    sa.Column('session_control', sa.Enum('disconnect', 'coa', name='sessioncontrol', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('require_message_authenticator', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_routers')),
    sa.UniqueConstraint('name', name=op.f('uq_routers_name')),
    sa.UniqueConstraint('nas_address', name=op.f('uq_routers_nas_address'))
    )
