"""The outbox, the only way to publish an event: a row in the transaction of the change it is about."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.common import Envelope, Event
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from servicekit.clock import machine_now
from servicekit.codec import from_json, to_json
from servicekit.db import rows_changed
from servicekit.ids import first_id_at, made_at, new_id
from servicekit.logs import correlation_id
from servicekit.tables import OutboxMessage

# Set in session.info by a transaction that publishes; its commit wakes the relay.
MARK = "outbox"

# At an embedded start, messages confirmed up to this long before the newest confirmed one are sent again: the
# queues were lost with the process. Inboxes drop what they have handled already.
REPLAY_WINDOW = timedelta(minutes=15)


def add(session: Session, event: Event, *, now: datetime) -> None:
    """Publish `event` when, and only if, this transaction commits. `now` is business time."""
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
    """The oldest messages that the broker has not confirmed; with `older_than`, only those written before.

    `older_than` is machine time, as are the ids; `occurred_at` is business time. Messages of a type that this
    process does not know are left to one that does: a newer replica, or this one after its upgrade.
    """
    known = OutboxMessage.type.in_(sorted(Event.known))
    query = select(OutboxMessage).where(OutboxMessage.sent_at.is_(None), known).order_by(OutboxMessage.seq)
    if older_than is not None:
        query = query.where(OutboxMessage.id < first_id_at(older_than))
    return list(session.scalars(query.limit(limit)))


def mark_sent(session: Session, ids: list[str]) -> None:
    """Note that the broker has confirmed these. Not by a range: commits are not in the order of numbers."""
    session.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(sent_at=machine_now()))


def replay_recent(session: Session) -> int:
    """Mark recently sent messages as unsent, for a bus that forgets. Returns how many."""
    newest = session.scalar(select(func.max(OutboxMessage.sent_at)))
    if newest is None:
        return 0
    recent = update(OutboxMessage).where(OutboxMessage.sent_at >= newest - REPLAY_WINDOW)
    return rows_changed(session, recent.values(sent_at=None))


def pending(session: Session) -> tuple[int, float]:
    """The number of messages that the broker has not confirmed, and the age of the oldest in seconds."""
    waiting = OutboxMessage.sent_at.is_(None)
    # Both queries use only the index of unsent messages, however many have been sent.
    oldest = session.scalar(select(OutboxMessage.id).where(waiting).order_by(OutboxMessage.seq).limit(1))
    if oldest is None:
        return 0, 0.0
    count = session.scalar(select(func.count(OutboxMessage.seq)).where(waiting)) or 0
    return count, max(0.0, (machine_now() - made_at(oldest)).total_seconds())


def forget_sent(session: Session, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` messages that were sent before `before` (machine time). Returns how many."""
    old = select(OutboxMessage.seq).where(OutboxMessage.sent_at < before).limit(limit)
    return rows_changed(session, delete(OutboxMessage).where(OutboxMessage.seq.in_(old)))


def envelope(message: OutboxMessage, source: str) -> Envelope:
    """The message as it is sent over the bus. `source` is the service that publishes it."""
    return Envelope(
        id=message.id,
        type=message.type,
        occurred_at=message.occurred_at,
        source=source,
        subject=message.subject,
        correlation_id=message.correlation_id,
        data=from_json(message.data, dict),
    )
