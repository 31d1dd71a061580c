"""The tables payment-svc owns."""

from __future__ import annotations

from datetime import date, datetime

from contracts.payment import PaymentMethod
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type
from sqlalchemy import BigInteger, CheckConstraint, Date, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Payment(Base):
    """Never changed. `received_on` is the day the money came in, `recorded_at` when it was written down."""

    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(Text, index=True)
    invoice_id: Mapped[str | None] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[PaymentMethod] = mapped_column(enum_type(PaymentMethod))
    reference: Mapped[str] = mapped_column(Text, index=True)
    received_on: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(Text)
