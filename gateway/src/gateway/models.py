"""The gateway's own tables: who may use it, and what they did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type
from servicekit.tables import BigSerial
from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, MetaData, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    TECHNICIAN = "technician"


class Operator(Base):
    """Who works with the system. `email` is kept in lower case; `last_seen_at` is on the pages."""

    __tablename__ = "operators"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    full_name: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(enum_type(Role))
    password_hash: Mapped[str] = mapped_column(Text)
    disabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginSession(Base):
    """One browser that is logged in; the cookie holds what `token_hash` is the SHA-256 of."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class ApiToken(Base):
    """A key for the REST API. Only its SHA-256 is kept: it is random, so nothing slower is needed."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotencyKey(Base):
    """A POST and its first answer; without a status the request is still being worked on.

    `claim` changes hands when the process that worked on it died. The answer is encrypted: it may hold
    a fresh API token.
    """

    __tablename__ = "idempotency_keys"

    operator_id: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    claim: Mapped[str] = mapped_column(Text)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    status: Mapped[int | None] = mapped_column(Integer)
    content_type: Mapped[str | None] = mapped_column(Text)
    body_encrypted: Mapped[str | None] = mapped_column(Text)


class LoginAttempt(Base):
    """A password that was tried and was not right, or not yet known to be."""

    __tablename__ = "login_attempts"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[str] = mapped_column(Text, index=True)
    address: Mapped[str] = mapped_column(Text, index=True)
    attempted_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SecondFactor(Base):
    """The TOTP secret of an operator, encrypted for them; it counts once `confirmed_at` is set.

    `last_step` is the time step of the code taken last: no code of it or before it is taken again.
    """

    __tablename__ = "second_factors"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), primary_key=True)
    secret_encrypted: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """Takes the place of a TOTP code, once. Only its SHA-256 is kept: it has 80 random bits."""

    __tablename__ = "recovery_codes"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Invitation(Base):
    """A link by which somebody becomes an operator; `token_hash` is the SHA-256 of what is in the link.

    At most one per address is open, which is: neither accepted nor revoked, expired or not.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "ix_invitations_open",
            "email",
            unique=True,
            sqlite_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(enum_type(Role))
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    invited_by: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HeldForm(Base):
    """What an operator had typed when their session ended, encrypted for them, by the page it belongs on."""

    __tablename__ = "held_forms"

    operator_id: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    content_encrypted: Mapped[str] = mapped_column(Text)
    held_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class AuditEntry(Base):
    """Who did what to which record. Rows are only ever added.

    `event` is the endpoint, or a name of our own where an endpoint can end in several ways; it is empty in
    rows from before it was kept. `operator_id` is empty when nobody was known.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_operator_id_id", "operator_id", "id"),
        Index("ix_audit_log_event_id", "event", "id"),
    )

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    operator_id: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    record_id: Mapped[str] = mapped_column(Text)
    correlation_id: Mapped[str] = mapped_column(Text)


class Branding(Base):
    """How the ISP shows itself: one row, once it was said. `version` grows with every change."""

    __tablename__ = "branding"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer)
    isp_name: Mapped[str] = mapped_column(Text)
    color: Mapped[str] = mapped_column(Text)
    support_phone: Mapped[str] = mapped_column(Text)
    support_email: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    tin: Mapped[str] = mapped_column(Text)
    logo_type: Mapped[str | None] = mapped_column(Text)
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
