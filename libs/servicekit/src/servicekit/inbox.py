"""The inbox: an event and its effect in one transaction, so that a redelivery changes nothing.

If a handler fails, the event is parked here with its error and tried again with growing pauses. After the
last try it becomes a dead letter, which people can inspect and replay. Parked events do not hold up others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from contracts.common import Envelope, Event
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from servicekit.clock import machine_now
from servicekit.codec import WireError, from_json, from_wire, to_json
from servicekit.db import Database, insert_if_absent, rows_changed
from servicekit.logs import correlated, log
from servicekit.metrics import EVENTS_HANDLED, INBOX_DUPLICATES
from servicekit.tables import InboxMessage

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.2, 1, 5, 15, 30, 60, 120, 300, 600))
DONE, WAITING, DEAD = "done", "waiting", "dead"
MAX_ERROR_LENGTH = 2000

Handler = Callable[[Session, Event], None]


class Inbox:
    """Handles the events of one service, each with exactly one effect."""

    def __init__(self, database: Database, service: str, handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._service = service
        self._handlers = handlers

    def receive(self, envelope: Envelope) -> None:
        """Handle the event, or park it. Raises only if the database can do neither."""
        with correlated(envelope.correlation_id):
            try:
                with self._database.transaction() as session:
                    if not _note(session, envelope):
                        INBOX_DUPLICATES.labels(self._service).inc()
                        return
                    self._handle(session, envelope)
            except Exception as error:
                self._park(envelope, error)

    def bury(self, message: object, error: WireError) -> None:
        """Keep a message that is not an event as a dead letter: it is neither lost nor redelivered."""
        text = json.dumps(message, sort_keys=True, default=str)
        fields = message if isinstance(message, dict) else {}
        with self._database.transaction() as session:
            insert_if_absent(
                session,
                InboxMessage,
                event_id=f"unreadable-{hashlib.sha256(text.encode()).hexdigest()}",
                type=str(fields.get("type", "unknown")),
                subject=str(fields.get("subject", "unknown")),
                status=DEAD,
                attempts=1,
                received_at=machine_now(),
                envelope=text,
                error=_short(error),
            )
        log.error("unreadable message kept as a dead letter", service=self._service, error=_short(error))

    def retry_due(self) -> int:
        """Try parked events that are due, at most 100. Returns how many were tried."""
        with self._database.reading() as session:
            due = list(
                session.scalars(
                    select(InboxMessage.event_id)
                    .where(InboxMessage.status == WAITING, InboxMessage.next_attempt_at <= machine_now())
                    .order_by(InboxMessage.event_id)
                    .limit(100)
                )
            )
        for event_id in due:
            self._retry(event_id)
        return len(due)

    def _retry(self, event_id: str) -> None:
        envelope = None
        try:
            with self._database.transaction() as session:
                parked = session.get(
                    InboxMessage, event_id, with_for_update={"skip_locked": True}, populate_existing=True
                )
                if parked is None or parked.status != WAITING or parked.envelope is None:
                    return  # another replica has it
                try:
                    envelope = from_json(parked.envelope, Envelope)
                except WireError as error:  # a buried message was replayed
                    parked.status, parked.next_attempt_at, parked.error = DEAD, None, _short(error)
                    return
                with correlated(envelope.correlation_id):
                    self._handle(session, envelope)
                parked.status, parked.envelope, parked.error = DONE, None, None
        except Exception as error:
            if envelope is None:
                raise
            self._park(envelope, error)

    def _handle(self, session: Session, envelope: Envelope) -> None:
        handler = self._handlers.get(envelope.type)
        if handler is None:
            raise LookupError(f"{self._service} has no handler for {envelope.type}")
        handler(session, from_wire(envelope.data, Event.known[envelope.type]))
        EVENTS_HANDLED.labels(self._service, envelope.type, "ok").inc()

    def _park(self, envelope: Envelope, error: Exception) -> None:
        """Record that handling failed. Raises if the database cannot even do that."""
        with self._database.transaction() as session:
            first_try = _note(session, envelope)
            parked = session.get_one(InboxMessage, envelope.id)
            if parked.status == DONE and not first_try:
                return  # another delivery of it has succeeded in the meantime
            parked.attempts += 1
            parked.error = _short(error)
            parked.envelope = to_json(envelope, Envelope)
            last = parked.attempts > len(PAUSES)
            parked.status = DEAD if last else WAITING
            parked.next_attempt_at = None if last else machine_now() + PAUSES[parked.attempts - 1]
        EVENTS_HANDLED.labels(self._service, envelope.type, "dead" if last else "failed").inc()
        log.warning(
            "event handler failed",
            service=self._service,
            type=envelope.type,
            event_id=envelope.id,
            subject=envelope.subject,
            attempt=parked.attempts,
            dead=last,
            error=parked.error,
        )


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]


def _note(session: Session, envelope: Envelope) -> bool:
    """Record the event as done; False if it is already known."""
    return insert_if_absent(
        session,
        InboxMessage,
        event_id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        status=DONE,
        attempts=0,
        received_at=machine_now(),
    )


def dead_letters(session: Session) -> list[InboxMessage]:
    """The events that could not be handled, oldest first."""
    query = select(InboxMessage).where(InboxMessage.status == DEAD).order_by(InboxMessage.event_id)
    return list(session.scalars(query))


def replay_dead_letters(session: Session, event_ids: list[str] | None = None) -> int:
    """Try dead letters (all, or these) again, as if they were new. Returns how many."""
    letters = [
        letter for letter in dead_letters(session) if event_ids is None or letter.event_id in event_ids
    ]
    for letter in letters:
        letter.status, letter.attempts, letter.next_attempt_at = WAITING, 0, machine_now()
    return len(letters)


def counts(session: Session) -> dict[str, int]:
    """The number of parked events by status: WAITING and DEAD."""
    rows = session.execute(
        select(InboxMessage.status, func.count())
        .where(InboxMessage.status != DONE)
        .group_by(InboxMessage.status)
    )
    return {status: count for status, count in rows}  # noqa: C416 - dict() does not take rows for mypy


def forget_done(session: Session, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` handled events received before `before` (machine time). Returns how many.

    `before` must be long enough ago that none of them can be delivered again.
    """
    old = select(InboxMessage.event_id).where(InboxMessage.status == DONE, InboxMessage.received_at < before)
    return rows_changed(session, delete(InboxMessage).where(InboxMessage.event_id.in_(old.limit(limit))))
