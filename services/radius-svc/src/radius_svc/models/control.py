"""The tables of the control plane: changes of live sessions and their outcome, usage, signs of life."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from contracts.radius import RequestKind, RequestOutcome
from servicekit.db import UtcDateTime, enum_type, partial_index
from servicekit.tables import BigSerial
from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from radius_svc.models.radius import Base

PENDING = text("status = 'pending'")
NOT_ONLINE = text("online_at IS NULL")


class ChangeKind(StrEnum):
    """Why live sessions must follow.

    AUTHORIZATION: the service was suspended, restored, terminated or renamed. RATE: its speed changed. KICK:
    a person disconnects it. PROBE: nothing changed; the router is asked once whether its sessions still
    exist.
    """

    AUTHORIZATION = "authorization"
    RATE = "rate"
    KICK = "kick"
    PROBE = "probe"


class ChangeStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    GIVEN_UP = "given_up"


class SessionChange(Base):
    """A request to make the live sessions of a service follow it. Handled in order, one at a time per
    service.

    `authorized_seq` is the change of the RADIUS tables that listeners must have read before a NAS is asked.
    """

    __tablename__ = "session_changes"
    __table_args__ = (
        partial_index("ix_session_changes_pending", "service_id", "id", where=PENDING),
        Index("ix_session_changes_service_id", "service_id"),
        Index(None, "finished_at"),
    )

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    service_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[ChangeKind] = mapped_column(enum_type(ChangeKind))
    status: Mapped[ChangeStatus] = mapped_column(enum_type(ChangeStatus))
    authorized_seq: Mapped[int] = mapped_column(BigInteger)
    authorized_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rounds: Mapped[int] = mapped_column(Integer, default=0)
    next_round_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    correlation_id: Mapped[str] = mapped_column(Text)


class RequestAttempt(Base):
    """One CoA-Request or Disconnect-Request to a NAS and its outcome (RFC 5176)."""

    __tablename__ = "request_attempts"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    change_id: Mapped[int] = mapped_column(ForeignKey("session_changes.id"), index=True)
    service_id: Mapped[str] = mapped_column(Text, index=True)
    acctuniqueid: Mapped[str] = mapped_column(Text, index=True)
    kind: Mapped[RequestKind] = mapped_column(enum_type(RequestKind))
    outcome: Mapped[RequestOutcome] = mapped_column(enum_type(RequestOutcome))
    error_cause: Mapped[int | None] = mapped_column(Integer)
    detail: Mapped[str] = mapped_column(Text)
    suspended: Mapped[bool] = mapped_column(Boolean)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Reconnect(Base):
    """How long a service took to come back online after its hold was released.

    `online_at` and `milliseconds` (since `paid_at`, or `released_at` without a payment) are null until
    radacct, or the router's answer to a CoA, shows that the service is online again.
    """

    __tablename__ = "reconnects"
    __table_args__ = (
        partial_index("ix_reconnects_open", "authorized_at", where=NOT_ONLINE),
        Index(None, "paid_at", "milliseconds"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    service_id: Mapped[str] = mapped_column(Text, index=True)
    change_id: Mapped[int] = mapped_column(ForeignKey("session_changes.id"), index=True)
    payment_id: Mapped[str | None] = mapped_column(Text)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    authorized_at: Mapped[datetime] = mapped_column(UtcDateTime)
    router_acked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_by_coa_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    online_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    milliseconds: Mapped[int | None] = mapped_column(BigInteger)


class ListenerState(Base):
    """How far a listener process has read the RADIUS tables. Deleted when the listener stops cleanly."""

    __tablename__ = "listener_states"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    applied_seq: Mapped[int] = mapped_column(BigInteger)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DailyUsage(Base):
    """What a service used on one day in the ISP's time zone, in the directions the subscriber sees."""

    __tablename__ = "usage_days"

    service_id: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    download_octets: Mapped[int] = mapped_column(BigInteger)
    upload_octets: Mapped[int] = mapped_column(BigInteger)


class UsageMark(Base):
    """How much of a session is in `usage_days`. `final`: its counters cannot change, so the mark may be
    deleted.

    Sessions after `UsageProgress.counted_to` that have no mark have not been counted at all.
    """

    __tablename__ = "usage_marks"

    radacctid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    download_octets: Mapped[int] = mapped_column(BigInteger)
    upload_octets: Mapped[int] = mapped_column(BigInteger)
    final: Mapped[bool] = mapped_column(Boolean)


class UsageProgress(Base):
    """One row: every session up to `counted_to` has, or had, a mark.

    It is one pass behind `seen_to`, the newest session of the last pass, because on PostgreSQL a session can
    be committed after another one with a higher number.
    """

    __tablename__ = "usage_progress"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    counted_to: Mapped[int] = mapped_column(BigInteger)
    seen_to: Mapped[int] = mapped_column(BigInteger)


class OnlineCount(Base):
    """How many sessions were open: one row for every five minutes of the machine's clock."""

    __tablename__ = "online_samples"

    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    sessions: Mapped[int] = mapped_column(Integer)


class NasHearing(Base):
    """Since when a router has reported without a pause, by the newest interim reports of its open sessions.

    `router_id` is empty for a router that is known by its address only.
    """

    __tablename__ = "nas_hearings"

    router_id: Mapped[str] = mapped_column(Text, primary_key=True)
    nas_ip_address: Mapped[str] = mapped_column(Text, primary_key=True)
    steady_since: Mapped[datetime] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)
