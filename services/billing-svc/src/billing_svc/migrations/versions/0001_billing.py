"""Invoices, ledger, allocations, billing runs."""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import create_kit_tables_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables_v1()
    op.create_table('accounts',
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('subscriber_version', sa.Integer(), nullable=False),
    sa.Column('full_name', sa.Text(), nullable=False),
    sa.Column('standing_sequence', sa.Integer(), nullable=False),
    sa.Column('suspension_requested', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('subscriber_id', name=op.f('pk_accounts'))
    )
    op.create_table('billing_runs',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('run_on', sa.Date(), nullable=False),
    sa.Column('period_start', sa.Date(), nullable=False),
    sa.Column('period_end', sa.Date(), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('automatic', sa.Boolean(), nullable=False),
    sa.Column('status', sa.Enum('running', 'finished', 'failed', name='runstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('created', sa.Integer(), nullable=False),
    sa.Column('skipped', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('cursor', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('started_by', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_billing_runs'))
    )
    op.create_index(op.f('ix_billing_runs_period_start'), 'billing_runs', ['period_start'], unique=False)
    op.create_index('ix_billing_runs_running', 'billing_runs', ['id'], unique=False, sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'"))
    op.create_table('invoice_series',
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('next_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('prefix', name=op.f('pk_invoice_series'))
    )
    op.create_table('invoices',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('subscriber_name', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('open', 'paid', 'void', name='invoicestate', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('collection_status', sa.Enum('pending', 'suspended', 'restored', name='collectionstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('period_start', sa.Date(), nullable=False),
    sa.Column('period_end', sa.Date(), nullable=False),
    sa.Column('issued_on', sa.Date(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('voided_by', sa.Text(), nullable=True),
    sa.Column('void_reason', sa.Text(), nullable=True),
    sa.CheckConstraint('total_minor > 0', name=op.f('ck_invoices_total_positive')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoices')),
    sa.UniqueConstraint('number', name=op.f('uq_invoices_number'))
    )
    op.create_index('ix_invoices_open_due_on', 'invoices', ['due_on'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index('ix_invoices_open_subscriber_id', 'invoices', ['subscriber_id', 'issued_on'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index('ix_invoices_subscriber_id', 'invoices', ['subscriber_id'], unique=False)
    op.create_table('ledger_entries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('debit_account', sa.Text(), nullable=False),
    sa.Column('credit_account', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('source_id', sa.Text(), nullable=False),
    sa.Column('effective_on', sa.Date(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_ledger_entries_amount_positive')),
    sa.CheckConstraint('debit_account <> credit_account', name=op.f('ck_ledger_entries_two_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entries')),
    sa.UniqueConstraint('kind', 'source_id', 'debit_account', 'credit_account', name=op.f('uq_ledger_entries_kind_source_id_debit_account_credit_account'))
    )
    op.create_index(op.f('ix_ledger_entries_subscriber_id'), 'ledger_entries', ['subscriber_id'], unique=False)
    op.create_table('plan_projections',
    sa.Column('plan_id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('billing_type', sa.Enum('postpaid', name='billingtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.PrimaryKeyConstraint('plan_id', name=op.f('pk_plan_projections'))
    )
    op.create_table('received_payments',
    sa.Column('payment_id', sa.Text(), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('received_on', sa.Date(), nullable=False),
    sa.Column('exhausted', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('payment_id', name=op.f('pk_received_payments'))
    )
    op.create_index('ix_received_payments_credit', 'received_payments', ['subscriber_id'], unique=False, sqlite_where=sa.text('NOT exhausted'), postgresql_where=sa.text('NOT exhausted'))
    op.create_index('ix_received_payments_received_on', 'received_payments', ['received_on'], unique=False)
    op.create_index(op.f('ix_received_payments_subscriber_id'), 'received_payments', ['subscriber_id'], unique=False)
    op.create_table('settings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('invoice_generation_day', sa.Integer(), nullable=False),
    sa.Column('payment_terms_days', sa.Integer(), nullable=False),
    sa.Column('grace_period_days', sa.Integer(), nullable=False),
    sa.Column('auto_suspend', sa.Boolean(), nullable=False),
    sa.Column('suspension_mode', sa.Enum('walled_garden', 'block', name='suspensionmode', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('tax_mode', sa.Enum('non_vat', 'vat_inclusive', name='taxmode', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('invoice_series', sa.Text(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('generation_day_set_on', sa.Date(), nullable=False),
    sa.Column('collections_done_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_settings'))
    )
    op.create_table('allocations',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('payment_id', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('allocated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reversed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_allocations_amount_positive')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoices.id'], name=op.f('fk_allocations_invoice_id')),
    sa.ForeignKeyConstraint(['payment_id'], ['received_payments.payment_id'], name=op.f('fk_allocations_payment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allocations'))
    )
    op.create_index(op.f('ix_allocations_invoice_id'), 'allocations', ['invoice_id'], unique=False)
    op.create_index(op.f('ix_allocations_payment_id'), 'allocations', ['payment_id'], unique=False)
    op.create_table('billing_run_items',
    sa.Column('run_id', sa.Text(), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('subscriber_name', sa.Text(), nullable=False),
    sa.Column('outcome', sa.Enum('created', 'skipped', 'failed', name='itemoutcome', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['billing_runs.id'], name=op.f('fk_billing_run_items_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'subscriber_id', name=op.f('pk_billing_run_items'))
    )
    op.create_table('invoice_lines',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('period_start', sa.Date(), nullable=False),
    sa.Column('period_end', sa.Date(), nullable=False),
    sa.Column('plan_id', sa.Text(), nullable=False),
    sa.Column('plan_name', sa.Text(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('price_source', sa.Enum('plan', 'individual', name='pricesource', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('discount_minor', sa.BigInteger(), nullable=False),
    sa.Column('tax_minor', sa.BigInteger(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('voided', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoices.id'], name=op.f('fk_invoice_lines_invoice_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice_lines'))
    )
    op.create_index(op.f('ix_invoice_lines_invoice_id'), 'invoice_lines', ['invoice_id'], unique=False)
    op.create_index('uq_invoice_lines_billed_period', 'invoice_lines', ['service_id', 'period_start'], unique=True, sqlite_where=sa.text('NOT voided'), postgresql_where=sa.text('NOT voided'))
    op.create_table('service_projections',
    sa.Column('service_id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.Text(), nullable=False),
    sa.Column('plan_id', sa.Text(), nullable=False),
    sa.Column('pppoe_username', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('active', 'suspended', 'terminated', name='servicestatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('individual_price_minor', sa.BigInteger(), nullable=True),
    sa.Column('discount_kind', sa.Enum('amount', 'percent', name='discountkind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('discount_value', sa.BigInteger(), nullable=True),
    sa.Column('discount_until', sa.Date(), nullable=True),
    sa.Column('activated_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['plan_id'], ['plan_projections.plan_id'], name=op.f('fk_service_projections_plan_id')),
    sa.PrimaryKeyConstraint('service_id', name=op.f('pk_service_projections'))
    )
    op.create_index('ix_service_projections_billable', 'service_projections', ['subscriber_id'], unique=False, sqlite_where=sa.text("status <> 'terminated'"), postgresql_where=sa.text("status <> 'terminated'"))
    op.create_index(op.f('ix_service_projections_plan_id'), 'service_projections', ['plan_id'], unique=False)
