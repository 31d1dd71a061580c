"""Each service's undecided months; runs that catch up on them; the first month; voided months.

Months before the upgrade are listed by the next run and not billed. The months up to the last automatic run
count as before the upgrade, because that version would never have billed what its run left out. Services
that were terminated before the upgrade are closed: that version did not bill them either.
"""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

DATE = sa.Date()
services = sa.table(
    "service_projections",
    sa.column("status"),
    sa.column("billed_until", DATE),
    sa.column("upgraded_in", DATE),
    sa.column("closed", sa.Boolean()),
)
settings = sa.table(
    "settings", sa.column("generation_day_set_on", DATE), sa.column("collections_done_on", DATE)
)
runs = sa.table(
    "billing_runs",
    sa.column("period_start", DATE),
    sa.column("automatic", sa.Boolean()),
    sa.column("catch_up_until", DATE),
)


def upgrade() -> None:
    _add_first_month("settings")
    _add_to_runs()
    _add_to_lines()
    _add_to_services()


def _add_first_month(table: str) -> None:
    # In SQL, since SQLite cannot add the constraint later.
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN first_month VARCHAR(32) DEFAULT 'full' NOT NULL"
        f" CONSTRAINT ck_{table}_firstmonth CHECK (first_month IN ('full', 'free'))"
    )


def _add_to_runs() -> None:
    _add_first_month("billing_runs")
    op.add_column("billing_runs", sa.Column("subscriber_id", sa.Text(), nullable=True))
    for name in ("voided_too", "same_login_too"):
        op.add_column("billing_runs", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("billing_runs", sa.Column("catch_up_until", DATE, nullable=False, server_default="2000-01-01"))
    op.execute(runs.update().values(catch_up_until=runs.c.period_start))


def _add_to_lines() -> None:
    op.add_column(
        "invoice_lines", sa.Column("reopened", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    _create_partial_index("ix_invoice_lines_reopened", "invoice_lines", "service_id", "reopened")


def _add_to_services() -> None:
    op.execute("ALTER TABLE service_projections RENAME COLUMN activated_on TO billed_from")
    for name in ("terminated_on", "billed_until", "upgraded_in"):
        op.add_column("service_projections", sa.Column(name, DATE, nullable=True))
    op.add_column(
        "service_projections", sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(services.update().where(services.c.status == "terminated").values(closed=sa.true()))
    first_new_month = _first_new_month()
    if first_new_month is not None:
        op.execute(services.update().values(billed_until=first_new_month, upgraded_in=first_new_month))
    op.drop_index("ix_service_projections_billable", "service_projections")
    _create_partial_index(
        "ix_service_projections_billable", "service_projections", "subscriber_id", "NOT closed"
    )


def _first_new_month() -> date | None:
    """The first month that the new rule applies to: the month in which the old version last worked, or the
    one after it if its automatic run had taken place. None if it never worked."""
    bind = op.get_bind()
    days = bind.execute(sa.select(settings.c.generation_day_set_on, settings.c.collections_done_on)).first()
    if days is None:
        return None
    month = max(day for day in days if day is not None).replace(day=1)
    last_run = bind.execute(sa.select(sa.func.max(runs.c.period_start)).where(runs.c.automatic)).scalar()
    if last_run is not None and last_run >= month:
        return (last_run + timedelta(days=31)).replace(day=1)
    return month


def _create_partial_index(name: str, table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)
