"""Create tables for changes of live sessions, requests to routers, reconnects and listeners."""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import create_kit_tables_v1

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_kit_tables_v1()
    op.create_table('listener_states',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('applied_seq', sa.BigInteger(), nullable=False),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listener_states'))
    )
    op.create_table('session_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('authorization', 'rate', 'kick', name='changekind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('status', sa.Enum('pending', 'done', 'given_up', name='changestatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('authorized_seq', sa.BigInteger(), nullable=False),
    sa.Column('authorized_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('rounds', sa.Integer(), nullable=False),
    sa.Column('next_round_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('correlation_id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session_changes'))
    )
    op.create_index('ix_session_changes_pending', 'session_changes', ['service_id', 'id'], unique=False, sqlite_where=sa.text("status = 'pending'"), postgresql_where=sa.text("status = 'pending'"))
    op.create_index('ix_session_changes_service_id', 'session_changes', ['service_id'], unique=False)
    op.create_table('reconnects',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('change_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('payment_id', sa.Text(), nullable=True),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('authorized_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('router_acked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('changed_by_coa_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['change_id'], ['session_changes.id'], name=op.f('fk_reconnects_change_id_session_changes')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reconnects'))
    )
    op.create_index(op.f('ix_reconnects_change_id'), 'reconnects', ['change_id'], unique=False)
    op.create_index(op.f('ix_reconnects_service_id'), 'reconnects', ['service_id'], unique=False)
    op.create_table('request_attempts',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('change_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('acctuniqueid', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('coa', 'disconnect', name='requestkind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('outcome', sa.Enum('acked', 'nacked', 'timed_out', name='requestoutcome', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('error_cause', sa.Integer(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('suspended', sa.Boolean(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['change_id'], ['session_changes.id'], name=op.f('fk_request_attempts_change_id_session_changes')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_request_attempts'))
    )
    op.create_index(op.f('ix_request_attempts_acctuniqueid'), 'request_attempts', ['acctuniqueid'], unique=False)
    op.create_index(op.f('ix_request_attempts_change_id'), 'request_attempts', ['change_id'], unique=False)
    op.create_index(op.f('ix_request_attempts_service_id'), 'request_attempts', ['service_id'], unique=False)
