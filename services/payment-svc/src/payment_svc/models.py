"""The tables of payment-svc, and its copy of subscribers' names."""

from __future__ import annotations

from datetime import date, datetime

from contracts.payment import PaymentMethod
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type
from servicekit.paging import folded
from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _reference_key(context: DefaultExecutionContext) -> str:
    return folded(context.get_current_parameters()["reference"])


class Payment(Base):
    """A payment, which never changes. A reversal is a row of its own.

    `received_on` is the day the money arrived, `recorded_at` the instant it was entered. `reference_key` is
    the reference without case and accents, for searching.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_payments_received_on", "received_on", "id"),
        Index("ix_payments_amount_minor", "amount_minor", "id"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(Text, index=True)
    invoice_id: Mapped[str | None] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[PaymentMethod] = mapped_column(enum_type(PaymentMethod))
    reference: Mapped[str] = mapped_column(Text, index=True)
    reference_key: Mapped[str] = mapped_column(Text, default=_reference_key, server_default="")
    received_on: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(Text)


class PaymentReversal(Base):
    """The reversal of a payment, at most one. `moved_to` is the payment that replaces it, if it was moved."""

    __tablename__ = "payment_reversals"

    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), primary_key=True)
    moved_to: Mapped[str | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    reason: Mapped[str] = mapped_column(Text)
    counts_on: Mapped[date] = mapped_column(Date)
    reversed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reversed_by: Mapped[str] = mapped_column(Text)


class SubscriberProjection(Base):
    """The name of a subscriber. `name_key` is the name without case and accents, for searching."""

    __tablename__ = "subscriber_projections"

    subscriber_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    full_name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
