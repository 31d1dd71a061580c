"""The tables of subscriber-svc."""

from __future__ import annotations

from datetime import date, datetime

from contracts import account_number
from contracts.holds import ExemptionKind, HoldReason
from contracts.money import DEFAULT_CURRENCY
from contracts.pricing import DiscountKind
from contracts.subscriber import BillingType, PlanStatus
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type, partial_index
from servicekit.edits import EditedRow
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
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

LIVE = "terminated_at IS NULL"
NOT_ENDED = "ended_at IS NULL"
NOTHING_DUE = date.max  # sorts after every due date


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Plan(EditedRow, Base):
    """What is sold. `burst` holds the fields of contracts' Burst. Only active plans need unique names."""

    __tablename__ = "plans"
    __table_args__ = (
        partial_index("uq_plans_active_name", "name", where="status = 'active'", unique=True),
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


class AccountCounter(Base):
    """The last account number that was given to a subscriber, without its check digit. There is one row."""

    __tablename__ = "account_counter"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(BigInteger)


def _next_account_number(context: DefaultExecutionContext) -> str:
    """Taken when the row is inserted: others wait for the counter from then until the transaction ends."""
    insert = sqlite_insert if context.dialect.name == "sqlite" else postgresql_insert
    first = insert(AccountCounter).values(id=1, last_number=account_number.FIRST)
    counted = first.on_conflict_do_update(
        index_elements=["id"], set_={"last_number": AccountCounter.last_number + 1}
    ).returning(AccountCounter.last_number)
    return account_number.complete(context.connection.scalars(counted).one())


def _area_key(context: DefaultExecutionContext) -> str:
    return folded(context.get_current_parameters().get("area") or "")


class Subscriber(EditedRow, Base):
    """A customer. `name_key` and `area_key` are without case and accents, for searching and sorting.

    `account_number` has the digits that people read out; `short_id` is the secret in the address of the
    payment page. Only subscribers whom an older version added during an upgrade have no number.
    `balance_minor` and `oldest_due_on` (NOTHING_DUE if nothing is left to pay) are billing's, as of the event
    with the number `account_sequence`: for lists only.
    """

    __tablename__ = "subscribers"
    __table_args__ = (
        Index("ix_subscribers_name_key", "name_key", "id"),
        partial_index(
            "uq_subscribers_account_number", "account_number", where="account_number <> ''", unique=True
        ),
        Index("ix_subscribers_area_key", "area_key", "id"),
        Index("ix_subscribers_balance_minor", "balance_minor", "id"),
        Index("ix_subscribers_oldest_due_on", "oldest_due_on", "id"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    short_id: Mapped[str] = mapped_column(Text, unique=True)
    account_number: Mapped[str] = mapped_column(Text, default=_next_account_number, server_default="")
    full_name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text, default=_name_key, server_default="")
    email: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    area: Mapped[str] = mapped_column(Text, default="", server_default="")
    area_key: Mapped[str] = mapped_column(Text, default=_area_key, server_default="")
    balance_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    balance_currency: Mapped[str] = mapped_column(
        String(3), default=DEFAULT_CURRENCY, server_default=DEFAULT_CURRENCY
    )
    oldest_due_on: Mapped[date] = mapped_column(
        Date, default=NOTHING_DUE, server_default=NOTHING_DUE.isoformat()
    )
    account_sequence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    services: Mapped[list[Service]] = relationship(back_populates="subscriber", order_by="Service.id")


class Service(EditedRow, Base):
    """What a subscriber has. `contracts.access` says when it works.

    `terminated_on` is the day of `terminated_at` for the ISP. Services that were terminated before it existed
    do not have it.
    """

    __tablename__ = "services"
    __table_args__ = (
        partial_index("uq_services_live_pppoe_username", "pppoe_username", where=LIVE, unique=True),
        partial_index("uq_services_live_static_ip", "static_ip", where=LIVE, unique=True),
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
    billed_from: Mapped[date] = mapped_column(Date)
    terminated_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    terminated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_limit: Mapped[int | None] = mapped_column(Integer)

    subscriber: Mapped[Subscriber] = relationship(back_populates="services")
    plan: Mapped[Plan] = relationship()
    holds: Mapped[list[Hold]] = relationship(back_populates="service", order_by="Hold.id")
    exemptions: Mapped[list[Exemption]] = relationship(back_populates="service", order_by="Exemption.id")

    @property
    def standing_holds(self) -> list[Hold]:
        """The active holds."""
        return [hold for hold in self.holds if hold.released_at is None]


class Hold(Base):
    """A dated reason to suspend a service. At most one hold per reason is active at a time."""

    __tablename__ = "holds"
    __table_args__ = (
        partial_index(
            "uq_holds_standing_reason", "service_id", "reason", where="released_at IS NULL", unique=True
        ),
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


class Exemption(Base):
    """Holds that `kind` covers don't suspend the service from `starts_at` to `until`. One per kind is active.

    `ended_at` is when it ended; `ended_by` is None if it was because `until` had passed.
    """

    __tablename__ = "exemptions"
    __table_args__ = (
        partial_index("uq_exemptions_active_kind", "service_id", "kind", where=NOT_ENDED, unique=True),
        partial_index("ix_exemptions_active_until", "until", where=NOT_ENDED),
        Index("ix_exemptions_starts_at", "starts_at"),
        Index("ix_exemptions_ended_at", "ended_at"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    kind: Mapped[ExemptionKind] = mapped_column(enum_type(ExemptionKind))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(Text)

    service: Mapped[Service] = relationship(back_populates="exemptions")


class AccountStanding(Base):
    """The latest of billing's overdue and settled events for an account: earlier ones are ignored."""

    __tablename__ = "account_standings"

    subscriber_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer)
