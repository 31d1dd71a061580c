"""The gateway's own tables: who may use it, and what they did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type, partial_index
from servicekit.tables import BigSerial
from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    TECHNICIAN = "technician"


class Operator(Base):
    """Someone who works with the system. `email` is lowercase; only the pages set `last_seen_at`."""

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
    """One browser that is logged in. The cookie holds the token, `token_hash` is its SHA-256."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class ApiToken(Base):
    """A key for the REST API. Only its SHA-256 is stored: it is random, so a slower hash is not needed."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotencyKey(Base):
    """A POST and its first response; without a status the request is still in progress.

    `claim` is replaced when another request takes over from a process that died. The response is encrypted
    because it may contain a new API token.
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
    """An attempt with a password or a code that was wrong, or is not checked yet."""

    __tablename__ = "login_attempts"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[str] = mapped_column(Text, index=True)
    address: Mapped[str] = mapped_column(Text, index=True)
    attempted_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SecondFactor(Base):
    """The TOTP secret of an operator, encrypted; it counts once `confirmed_at` is set.

    `last_step` is the time step of the last accepted code. Codes of that step or earlier are refused.
    """

    __tablename__ = "second_factors"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), primary_key=True)
    secret_encrypted: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """Replaces a TOTP code, once. Only its SHA-256 is stored: it has 80 random bits."""

    __tablename__ = "recovery_codes"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Invitation(Base):
    """A link with which someone becomes an operator; `token_hash` is the SHA-256 of the token in the link.

    An address has at most one open invitation: neither accepted nor revoked, even if it has expired.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        partial_index(
            "ix_invitations_open", "email", unique=True, where="accepted_at IS NULL AND revoked_at IS NULL"
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
    """A form that could not be handled (see http/held_forms.py), encrypted, by operator and page."""

    __tablename__ = "held_forms"

    operator_id: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    content_encrypted: Mapped[str] = mapped_column(Text)
    held_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class AuditEntry(Base):
    """Who did what to which record. Rows are only ever added.

    `event` is the name of a declared event (see audit/events.py); it is empty in rows from before there were
    events. `operator_id` is empty if the operator is unknown.
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
    """The ISP's branding: one row, or none before the first change. `version` grows with every change."""

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
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    edited_by: Mapped[str | None] = mapped_column(Text)
