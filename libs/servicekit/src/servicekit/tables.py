"""The kit's tables, which are in every service's database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.db import NAMING_CONVENTION, UtcDateTime, partial_index

# SQLite numbers rows only in a column that is declared as exactly INTEGER PRIMARY KEY.
BigSerial = BigInteger().with_variant(Integer, "sqlite")


class KitBase(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class OutboxMessage(KitBase):
    """An event published by this service. `sent_at` is set once the broker has confirmed it."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        partial_index("ix_outbox_messages_unsent", "seq", where="sent_at IS NULL"),
        Index("ix_outbox_messages_sent_at", "sent_at"),
    )

    seq: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    id: Mapped[str] = mapped_column(Text, unique=True)
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    correlation_id: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class InboxMessage(KitBase):
    """An event that this service received: done, waiting for its next try, or dead."""

    __tablename__ = "inbox_messages"
    __table_args__ = (
        partial_index("ix_inbox_messages_undone", "next_attempt_at", where="status <> 'done'"),
        Index("ix_inbox_messages_received_at", "received_at"),
    )

    event_id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    envelope: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)


class IdempotentCommand(KitBase):
    """The first answer to a command, by its idempotency key."""

    __tablename__ = "idempotent_commands"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Lease(KitBase):
    """Which process may do a periodic job at the moment."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    holder: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
