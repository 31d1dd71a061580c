"""The tables subscriber-svc owns."""

from __future__ import annotations

from datetime import date, datetime

from contracts.pricing import DiscountKind
from contracts.subscriber import BillingType, HoldReason, PlanStatus
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type
from servicekit.paging import folded
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _unique_while(condition: str, name: str, *columns: str) -> Index:
    """A uniqueness that holds only among the rows that meet `condition`."""
    where = text(condition)
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


class Plan(Base):
    __tablename__ = "plans"
    __table_args__ = (
        _unique_while("status = 'active'", "uq_plans_active_name", "name"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    billing_type: Mapped[BillingType] = mapped_column(enum_type(BillingType))
    download_kbps: Mapped[int] = mapped_column(Integer)
    upload_kbps: Mapped[int] = mapped_column(Integer)
    burst: Mapped[dict | None] = mapped_column(JSON(none_as_null=True))
    address_pool: Mapped[str | None] = mapped_column(Text)
    status: Mapped[PlanStatus] = mapped_column(enum_type(PlanStatus))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def _name_key(context: DefaultExecutionContext) -> str:
    return folded(context.get_current_parameters()["full_name"])


class Subscriber(Base):
    """`name_key` is the name as lists are sorted and searched by it."""

    __tablename__ = "subscribers"
    __table_args__ = (Index("ix_subscribers_name_key", "name_key", "id"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    short_id: Mapped[str] = mapped_column(Text, unique=True)
    full_name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text, default=_name_key, server_default="")
    email: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    services: Mapped[list[Service]] = relationship(back_populates="subscriber", order_by="Service.id")


class Service(Base):
    """What a subscriber has. It is up while no hold stands and it is not terminated."""

    __tablename__ = "services"
    __table_args__ = (
        _unique_while("terminated_at IS NULL", "uq_services_live_pppoe_username", "pppoe_username"),
        _unique_while("terminated_at IS NULL", "uq_services_live_static_ip", "static_ip"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("subscribers.id"), index=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    router_id: Mapped[str] = mapped_column(Text, index=True)
    pppoe_username: Mapped[str] = mapped_column(Text)
    password_encrypted: Mapped[str] = mapped_column(Text)
    static_ip: Mapped[str | None] = mapped_column(Text)
    individual_price_minor: Mapped[int | None] = mapped_column(BigInteger)
    discount_kind: Mapped[DiscountKind | None] = mapped_column(enum_type(DiscountKind))
    discount_value: Mapped[int | None] = mapped_column(BigInteger)
    discount_until: Mapped[date | None] = mapped_column(Date)
    activated_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    terminated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_limit: Mapped[int | None] = mapped_column(Integer)

    subscriber: Mapped[Subscriber] = relationship(back_populates="services")
    plan: Mapped[Plan] = relationship()
    holds: Mapped[list[Hold]] = relationship(back_populates="service", order_by="Hold.id")

    @property
    def standing_holds(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.released_at is None]


class Hold(Base):
    """A dated reason not to serve. One of each reason can stand at a time."""

    __tablename__ = "holds"
    __table_args__ = (
        _unique_while("released_at IS NULL", "uq_holds_standing_reason", "service_id", "reason"),
        Index("ix_holds_placed_at", "placed_at"),
        Index("ix_holds_released_at", "released_at"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    reason: Mapped[HoldReason] = mapped_column(enum_type(HoldReason))
    note: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_by: Mapped[str | None] = mapped_column(Text)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    service: Mapped[Service] = relationship(back_populates="holds")


class AccountStanding(Base):
    """The newest word of billing on an account, so that an older one arriving late changes nothing."""

    __tablename__ = "account_standings"

    subscriber_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer)
