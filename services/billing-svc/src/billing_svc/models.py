"""The tables of billing-svc, and its copies (projections) of other services' data."""

from __future__ import annotations

from datetime import date, datetime

from contracts.billing import CollectionStatus, PriceSource
from contracts.billing_runs import ItemOutcome, RunStatus
from contracts.billing_settings import FirstMonth, SuspensionMode, TaxMode
from contracts.holds import ExemptionKind
from contracts.pricing import DiscountKind
from contracts.subscriber import BillingType, ServiceStatus
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type, partial_index
from servicekit.edits import EditedRow
from servicekit.paging import folded
from servicekit.tables import BigSerial
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.periods import latest_suspendable

# Compared byte by byte on both databases, so that the index also finds numbers by their beginning.
NUMBER = Text().with_variant(Text(collation="C"), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Settings(EditedRow, Base):
    """The single row of settings: a column for each field of contracts' BillingSettings, and two of our own.

    `generation_day_set_on` keeps the automatic run from billing the past; `collections_done_on` is the day of
    the last daily collections run.
    """

    __tablename__ = "settings"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    invoice_generation_day: Mapped[int] = mapped_column(Integer)
    payment_terms_days: Mapped[int] = mapped_column(Integer)
    grace_period_days: Mapped[int] = mapped_column(Integer)
    auto_suspend: Mapped[bool] = mapped_column(Boolean)
    suspension_mode: Mapped[SuspensionMode] = mapped_column(enum_type(SuspensionMode))
    tax_mode: Mapped[TaxMode] = mapped_column(enum_type(TaxMode))
    invoice_series: Mapped[str] = mapped_column(Text)
    first_month: Mapped[FirstMonth] = mapped_column(enum_type(FirstMonth))
    currency: Mapped[str] = mapped_column(String(3))
    generation_day_set_on: Mapped[date] = mapped_column(Date)
    collections_done_on: Mapped[date | None] = mapped_column(Date)


class InvoiceSeries(Base):
    """The next number of each invoice series, taken under the row's lock so that a series has no gaps."""

    __tablename__ = "invoice_series"

    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    next_number: Mapped[int] = mapped_column(BigInteger)


def _name_key(context: DefaultExecutionContext) -> str:
    return folded(context.get_current_parameters().get("full_name") or "")


class Account(Base):
    """A subscriber as billing sees them. Lock this row before changing their invoices or payments.

    `standing_sequence` numbers the overdue and settled events of the account, and `suspension_requested` is
    true if the last one was overdue. `name_key` is the name without case and accents, for searching.
    """

    __tablename__ = "accounts"

    subscriber_id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscriber_version: Mapped[int] = mapped_column(Integer, default=0)
    full_name: Mapped[str] = mapped_column(Text, default="")
    name_key: Mapped[str] = mapped_column(Text, default=_name_key, server_default="")
    standing_sequence: Mapped[int] = mapped_column(Integer, default=0)
    suspension_requested: Mapped[bool] = mapped_column(Boolean, default=False)


class PlanProjection(Base):
    """A plan with its price."""

    __tablename__ = "plan_projections"

    plan_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    billing_type: Mapped[BillingType] = mapped_column(enum_type(BillingType))


class ServiceProjection(Base):
    """A service with its billing terms, so that a billing run needs no other service.

    `billed_until`, `decided_from` and `upgraded_in` are those of domain.months.BilledService. `closed`
    services are terminated and have nothing left to bill.
    """

    __tablename__ = "service_projections"
    __table_args__ = (partial_index("ix_service_projections_billable", "subscriber_id", where="NOT closed"),)

    service_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    subscriber_id: Mapped[str] = mapped_column(Text)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan_projections.plan_id"), index=True)
    pppoe_username: Mapped[str] = mapped_column(Text)
    status: Mapped[ServiceStatus] = mapped_column(enum_type(ServiceStatus))
    individual_price_minor: Mapped[int | None] = mapped_column(BigInteger)
    discount_kind: Mapped[DiscountKind | None] = mapped_column(enum_type(DiscountKind))
    discount_value: Mapped[int | None] = mapped_column(BigInteger)
    discount_until: Mapped[date | None] = mapped_column(Date)
    billed_from: Mapped[date] = mapped_column(Date)
    terminated_on: Mapped[date | None] = mapped_column(Date)
    billed_until: Mapped[date | None] = mapped_column(Date)
    decided_from: Mapped[date | None] = mapped_column(Date)
    upgraded_in: Mapped[date | None] = mapped_column(Date)
    closed: Mapped[bool] = mapped_column(Boolean, default=False)

    plan: Mapped[PlanProjection] = relationship()


class ExemptionProjection(Base):
    """An exemption of a service: while it is active, holds that it covers don't suspend the service."""

    __tablename__ = "exemption_projections"
    __table_args__ = (
        partial_index("ix_exemption_projections_active", "subscriber_id", where="ended_at IS NULL"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    service_id: Mapped[str] = mapped_column(Text, index=True)
    subscriber_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[ExemptionKind] = mapped_column(enum_type(ExemptionKind))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(Text)


class Invoice(Base):
    """An invoice. `subscriber_name` is the name on the day it was issued."""

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("total_minor > 0", name="total_positive"),
        partial_index("ix_invoices_open_subscriber_id", "subscriber_id", "issued_on", where="state = 'open'"),
        partial_index("ix_invoices_open_due_on", "due_on", where="state = 'open'"),
        partial_index("ix_invoices_void", "id", where="state = 'void'"),
        Index("ix_invoices_subscriber_id", "subscriber_id"),
        Index("ix_invoices_due_on", "due_on", "id"),
        Index("ix_invoices_total_minor", "total_minor", "id"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[str] = mapped_column(NUMBER, unique=True)
    subscriber_id: Mapped[str] = mapped_column(Text)
    subscriber_name: Mapped[str] = mapped_column(Text)
    state: Mapped[InvoiceState] = mapped_column(enum_type(InvoiceState))
    collection_status: Mapped[CollectionStatus] = mapped_column(enum_type(CollectionStatus))
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date] = mapped_column(Date)
    issued_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    voided_by: Mapped[str | None] = mapped_column(Text)
    void_reason: Mapped[str | None] = mapped_column(Text)

    lines: Mapped[list[InvoiceLine]] = relationship(back_populates="invoice", order_by="InvoiceLine.id")
    allocations: Mapped[list[Allocation]] = relationship(back_populates="invoice", order_by="Allocation.id")

    @hybrid_method
    def is_suspendable(self, day: date, grace_period_days: int) -> bool:
        """Whether the invoice, if open, suspends its services on `day`: the grace period is over."""
        return self.due_on <= latest_suspendable(day, grace_period_days)

    @hybrid_property
    def suspends_already(self) -> bool:
        """Whether an overdue event named its services, and no settled event followed."""
        return self.collection_status == CollectionStatus.SUSPENDED


class InvoiceLine(Base):
    """A charge and how it was calculated. At most one per service and period is not voided.

    A voided period is billed again only if asked for, unless it is `reopened` for the next run.
    """

    __tablename__ = "invoice_lines"
    __table_args__ = (
        partial_index(
            "uq_invoice_lines_billed_period", "service_id", "period_start", where="NOT voided", unique=True
        ),
        partial_index("ix_invoice_lines_reopened", "service_id", where="reopened"),
        partial_index(
            "ix_invoice_lines_period_start", "period_start", "invoice_id", "amount_minor", where="NOT voided"
        ),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    service_id: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date] = mapped_column(Date)
    plan_id: Mapped[str] = mapped_column(Text)
    plan_name: Mapped[str] = mapped_column(Text)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    price_source: Mapped[PriceSource] = mapped_column(enum_type(PriceSource))
    discount_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    voided: Mapped[bool] = mapped_column(Boolean, default=False)
    reopened: Mapped[bool] = mapped_column(Boolean, default=False)

    invoice: Mapped[Invoice] = relationship(back_populates="lines")


class ReceivedPayment(Base):
    """A payment as billing knows it. It is `exhausted` when all of it is on invoices, or if it was reversed.

    `reversed_on` is the day on which its reversal counts against what was collected.
    """

    __tablename__ = "received_payments"
    __table_args__ = (
        partial_index("ix_received_payments_credit", "subscriber_id", where="NOT exhausted"),
        Index("ix_received_payments_received_on", "received_on"),
        partial_index("ix_received_payments_reversed_on", "reversed_on", where="reversed_on IS NOT NULL"),
    )

    payment_id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(Text, index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    received_on: Mapped[date] = mapped_column(Date)
    exhausted: Mapped[bool] = mapped_column(Boolean)
    reversed_on: Mapped[date | None] = mapped_column(Date)


class Allocation(Base):
    """A part of a payment on an invoice. It is never changed, only reversed by setting `reversed_at`."""

    __tablename__ = "allocations"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("received_payments.payment_id"), index=True)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    allocated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reversed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    invoice: Mapped[Invoice] = relationship(back_populates="allocations")


class LedgerEntry(Base):
    """A movement of money from one account to another, so that the ledger always balances. Append-only.

    The unique constraint keeps the same movement of the same source from being entered twice.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("kind", "source_id", "debit_account", "credit_account"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
    )

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(Text, index=True)
    debit_account: Mapped[str] = mapped_column(Text)
    credit_account: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(Text)
    source_id: Mapped[str] = mapped_column(Text)
    effective_on: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BillingRun(Base):
    """A pass over all subscribers with a service to bill.

    `run_on` is the date of its invoices, `catch_up_until` the month up to which it bills unbilled months, and
    `cursor` the last subscriber processed. `subscriber_id` is set if the run is for one subscriber only.
    `own_invoices` and `own_minor` are the part of `created` and `amount_minor` that is for its own period.
    """

    __tablename__ = "billing_runs"
    __table_args__ = (partial_index("ix_billing_runs_running", "id", where="status = 'running'"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_on: Mapped[date] = mapped_column(Date)
    period_start: Mapped[date] = mapped_column(Date, index=True)
    period_end: Mapped[date] = mapped_column(Date)
    catch_up_until: Mapped[date] = mapped_column(Date)
    first_month: Mapped[FirstMonth] = mapped_column(enum_type(FirstMonth))
    subscriber_id: Mapped[str | None] = mapped_column(Text)
    voided_too: Mapped[bool] = mapped_column(Boolean)
    same_login_too: Mapped[bool] = mapped_column(Boolean)
    dry_run: Mapped[bool] = mapped_column(Boolean)
    automatic: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[RunStatus] = mapped_column(enum_type(RunStatus))
    total: Mapped[int] = mapped_column(Integer)
    created: Mapped[int] = mapped_column(Integer)
    skipped: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    own_invoices: Mapped[int] = mapped_column(Integer, default=0)
    own_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    cursor: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    started_by: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BillingRunItem(Base):
    """What a run did for one subscriber: a line of its report."""

    __tablename__ = "billing_run_items"

    run_id: Mapped[str] = mapped_column(ForeignKey("billing_runs.id"), primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscriber_name: Mapped[str] = mapped_column(Text)
    outcome: Mapped[ItemOutcome] = mapped_column(enum_type(ItemOutcome))
    reason: Mapped[str] = mapped_column(Text)
    invoice_id: Mapped[str | None] = mapped_column(Text)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
