"""The outbox: the only way to say an event. A row in the transaction of the change it tells of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.common import Envelope, Event
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from servicekit.codec import from_json, to_json
from servicekit.ids import new_id
from servicekit.logs import correlation_id
from servicekit.tables import OutboxMessage

# Set in session.info by a transaction that says something; its commit wakes the relay.
MARK = "outbox"

# Messages that were confirmed this long before the newest confirmed one are sent again at an embedded
# start: the in-process queues died with the process, the inboxes drop what was handled.
REPLAY_WINDOW = timedelta(minutes=15)


def add(session: Session, event: Event, *, now: datetime) -> None:
    """Say `event` when, and only if, this transaction commits."""
    session.add(
        OutboxMessage(
            id=new_id(),
            type=event.name,
            subject=event.subject,
            correlation_id=correlation_id(),
            occurred_at=now,
            data=to_json(event, type(event)),
        )
    )
    session.info[MARK] = True


def unsent(session: Session, *, limit: int, older_than: datetime | None = None) -> list[OutboxMessage]:
    """The oldest messages the broker has not confirmed; with `older_than`, those that occurred before."""
    query = select(OutboxMessage).where(OutboxMessage.sent_at.is_(None)).order_by(OutboxMessage.seq)
    if older_than is not None:
        query = query.where(OutboxMessage.occurred_at < older_than)
    return list(session.scalars(query.limit(limit)))


def mark_sent(session: Session, ids: list[str]) -> None:
    """By list of ids, never by range: the order of numbers is not the order of commits."""
    session.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(sent_at=datetime.now(UTC)))


def replay_recent(session: Session) -> int:
    """Mark what was sent lately as unsent, for a bus that forgets. Returns how many."""
    newest = session.scalar(select(func.max(OutboxMessage.sent_at)))
    if newest is None:
        return 0
    recent = update(OutboxMessage).where(OutboxMessage.sent_at >= newest - REPLAY_WINDOW)
    return session.execute(recent.values(sent_at=None)).rowcount


def pending(session: Session) -> tuple[int, float]:
    """How many messages wait for the broker, and for how many seconds the oldest has."""
    count, oldest = session.execute(
        select(func.count(), func.min(OutboxMessage.occurred_at)).where(OutboxMessage.sent_at.is_(None))
    ).one()
    return count, (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0


def forget_sent(session: Session, *, before: datetime) -> int:
    """Delete what was sent before `before`. Returns how many."""
    return session.execute(delete(OutboxMessage).where(OutboxMessage.sent_at < before)).rowcount


def envelope(message: OutboxMessage, source: str) -> Envelope:
    """The message as it travels."""
    return Envelope(
        id=message.id,
        type=message.type,
        occurred_at=message.occurred_at,
        source=source,
        subject=message.subject,
        correlation_id=message.correlation_id,
        data=from_json(message.data, dict),
    )
