"""Commands that are safe to repeat: the first answer is stored with its key, along with the effect."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from contracts.common import Command, Conflict, IdempotencyMismatch
from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from servicekit.clock import machine_now
from servicekit.codec import from_json, to_json, to_wire
from servicekit.db import insert_if_absent, rows_changed
from servicekit.leases import Transactional
from servicekit.tables import IdempotentCommand

KEPT_FOR = timedelta(hours=72)
Answer = TypeVar("Answer")
_COMMANDS: Table = IdempotentCommand.__table__  # type: ignore[assignment]


def carry_out(
    runtime: Transactional, command: Command, shape: Any, action: Callable[[Session], Answer]
) -> Answer:
    """Carry out a command in a transaction of its own, once per idempotency key.

    `action` gets the session and returns the answer, a `shape`; a repeat gets the first answer again. Raises
    what `action` raises, and what `once` does. Any call to another service goes before this.
    """
    with runtime.transaction() as session:
        return once(session, command, shape, partial(action, session))


def once(session: Session, command: Command, shape: Any, action: Callable[[], Answer]) -> Answer:
    """Run `action`, unless its command was carried out before; then return the first answer.

    Without a key, the action runs each time. Raises IdempotencyMismatch if the key was used with other
    content, and Conflict while the first command is still running.
    """
    if command.idempotency_key is None:
        return action()
    fingerprint = _fingerprint(command)
    claimed = insert_if_absent(
        session,
        IdempotentCommand,
        key=command.idempotency_key,
        fingerprint=fingerprint,
        created_at=machine_now(),
    )
    if not claimed:
        return _first_answer(session, command.idempotency_key, fingerprint, shape)
    answer = action()
    session.flush()
    keep = update(_COMMANDS).where(_COMMANDS.c.key == command.idempotency_key)
    session.execute(keep.values(answer=to_json(answer, shape)))
    return answer


def forget_old(session: Session, *, limit: int) -> int:
    """Delete at most `limit` keys older than KEPT_FOR. Returns how many."""
    oldest_kept = machine_now() - KEPT_FOR
    old = select(IdempotentCommand.key).where(IdempotentCommand.created_at < oldest_kept).limit(limit)
    return rows_changed(session, delete(IdempotentCommand).where(IdempotentCommand.key.in_(old)))


def _first_answer(session: Session, key: str, fingerprint: str, shape: Any) -> Any:
    first = session.get_one(IdempotentCommand, key)
    if first.fingerprint != fingerprint:
        raise IdempotencyMismatch(f"the idempotency key {key!r} was used before with other content")
    if first.answer is None:
        raise Conflict(f"the command with idempotency key {key!r} is still running")
    return from_json(first.answer, shape)


def _fingerprint(command: Command) -> str:
    """A digest of what the command does. `confirm` is left out: it is the same command once confirmed.

    It must not change from one version to the next, or a command that is repeated after an upgrade is refused
    as another one.
    """
    content = to_wire(dataclasses.replace(command, idempotency_key=None), type(command))
    del content["confirm"]
    return hashlib.sha256(f"{type(command).__name__}:{to_json(content, dict)}".encode()).hexdigest()
