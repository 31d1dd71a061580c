"""Subscribers, plans, services, holds."""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import create_kit_tables_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables_v1()
    op.create_table('account_standings',
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('subscriber_id', name=op.f('pk_account_standings'))
    )
    op.create_table('plans',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('billing_type', sa.Enum('postpaid', name='billingtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('download_kbps', sa.Integer(), nullable=False),
    sa.Column('upload_kbps', sa.Integer(), nullable=False),
    sa.Column('burst', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('address_pool', sa.Text(), nullable=True),
    sa.Column('status', sa.Enum('active', 'archived', name='planstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('price_minor >= 0', name=op.f('ck_plans_price_not_negative')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans'))
    )
    op.create_index('uq_plans_active_name', 'plans', ['name'], unique=True, sqlite_where=sa.text("status = 'active'"), postgresql_where=sa.text("status = 'active'"))
    op.create_table('subscribers',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('short_id', sa.Text(), nullable=False),
    sa.Column('full_name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('notes', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscribers')),
    sa.UniqueConstraint('short_id', name=op.f('uq_subscribers_short_id'))
    )
    op.create_table('services',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('plan_id', sa.Text(), nullable=False),
    sa.Column('router_id', sa.Text(), nullable=False),
    sa.Column('pppoe_username', sa.Text(), nullable=False),
    sa.Column('password_encrypted', sa.Text(), nullable=False),
    sa.Column('static_ip', sa.Text(), nullable=True),
    sa.Column('individual_price_minor', sa.BigInteger(), nullable=True),
    sa.Column('discount_kind', sa.Enum('amount', 'percent', name='discountkind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('discount_value', sa.BigInteger(), nullable=True),
    sa.Column('discount_until', sa.Date(), nullable=True),
    sa.Column('activated_on', sa.Date(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('terminated_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['plan_id'], ['plans.id'], name=op.f('fk_services_plan_id')),
    sa.ForeignKeyConstraint(['subscriber_id'], ['subscribers.id'], name=op.f('fk_services_subscriber_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_services'))
    )
    op.create_index(op.f('ix_services_plan_id'), 'services', ['plan_id'], unique=False)
    op.create_index(op.f('ix_services_router_id'), 'services', ['router_id'], unique=False)
    op.create_index(op.f('ix_services_subscriber_id'), 'services', ['subscriber_id'], unique=False)
    op.create_index('uq_services_live_pppoe_username', 'services', ['pppoe_username'], unique=True, sqlite_where=sa.text('terminated_at IS NULL'), postgresql_where=sa.text('terminated_at IS NULL'))
    op.create_index('uq_services_live_static_ip', 'services', ['static_ip'], unique=True, sqlite_where=sa.text('terminated_at IS NULL'), postgresql_where=sa.text('terminated_at IS NULL'))
    op.create_table('holds',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('reason', sa.Enum('overdue', 'admin', 'abuse', 'vacation', 'equipment', name='holdreason', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('placed_by', sa.Text(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_by', sa.Text(), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['service_id'], ['services.id'], name=op.f('fk_holds_service_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_holds'))
    )
    op.create_index(op.f('ix_holds_service_id'), 'holds', ['service_id'], unique=False)
    op.create_index('uq_holds_standing_reason', 'holds', ['service_id', 'reason'], unique=True, sqlite_where=sa.text('released_at IS NULL'), postgresql_where=sa.text('released_at IS NULL'))
