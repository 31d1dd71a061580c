"""A POST with an Idempotency-Key is carried out once: its response is kept and repeated for 72 hours."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.common import Conflict, IdempotencyMismatch, InvalidInput
from flask import g
from servicekit.db import insert_if_absent
from servicekit.ids import new_id
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from gateway.clients.context import Gateway
from gateway.models import IdempotencyKey

MAX_KEY_LENGTH = 200
KEPT_FOR = timedelta(hours=72)
# A payment takes at most 12 s (10 for the call, 2 to wait for its effect), so after this time its process is
# gone. If it is not, the services know the key too and do nothing twice.
ABANDONED_AFTER = timedelta(seconds=15)


@dataclass(frozen=True)
class Claim:
    """The right to carry out the request."""

    operator_id: str
    key: str
    claim: str

    @property
    def associated_data(self) -> str:
        return f"{self.operator_id}:{self.key}"


@dataclass(frozen=True)
class KeptAnswer:
    status: int
    content_type: str
    body: str


def by_operator(key: str | None) -> dict[str, Any]:
    """The fields that every command has: the operator who gives it, and its idempotency key.

    Two operators may use the same key, so the key that a service sees starts with the operator's id.
    """
    return {"actor": g.operator.email, "idempotency_key": f"{g.operator.id}:{key}" if key else None}


def checked_key(key: str | None, field: str) -> str | None:
    """The key, or None if there is none. Raises InvalidInput, naming `field`, if it is invalid."""
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidInput.of(field, f"must be 1 to {MAX_KEY_LENGTH} printable ASCII characters")
    return key


def fingerprint(gateway: Gateway, *parts: bytes) -> str:
    """A digest to compare two requests. It is keyed because a body may contain a password worth guessing."""
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(gateway.settings.secret_key.encode(), framed, hashlib.sha256).hexdigest()


def claim(gateway: Gateway, operator_id: str, key: str, content: str) -> Claim | KeptAnswer:
    """The right to carry out the request, or the response it got before.

    Raises IdempotencyMismatch if the key came with a different request, Conflict while the first request is
    in progress. A claim whose process died is taken over; the services know the key too and repeat nothing.
    """
    mine, now = Claim(operator_id, key, new_id()), gateway.wall_now()
    with gateway.database.transaction() as session:
        if insert_if_absent(
            session,
            IdempotencyKey,
            operator_id=operator_id,
            key=key,
            fingerprint=content,
            claim=mine.claim,
            claimed_at=now,
        ):
            return mine
        first = session.get_one(IdempotencyKey, (operator_id, key), with_for_update=True)
        if first.fingerprint != content:
            raise IdempotencyMismatch(f"the idempotency key {key!r} was already used for a different request")
        if first.status is not None:
            return _kept(gateway, first)
        if first.claimed_at > now - ABANDONED_AFTER:
            raise Conflict(f"the request with idempotency key {key!r} is still being processed")
        first.claim, first.claimed_at = mine.claim, now
    return mine


def keep(gateway: Gateway, session: Session, mine: Claim, answer: KeptAnswer) -> None:
    """Store the response, unless another request has taken over the claim."""
    session.execute(
        update(IdempotencyKey)
        .where(*_row(mine))
        .values(
            status=answer.status,
            content_type=answer.content_type,
            body_encrypted=gateway.cipher.encrypt(answer.body, mine.associated_data),
        )
    )


def give_back(session: Session, mine: Claim) -> None:
    """Delete the claim because nothing was done: the next attempt counts as the first."""
    session.execute(delete(IdempotencyKey).where(*_row(mine)))


def forget_old(gateway: Gateway, session: Session) -> None:
    old = delete(IdempotencyKey).where(IdempotencyKey.claimed_at < gateway.wall_now() - KEPT_FOR)
    session.execute(old)


def _row(mine: Claim) -> tuple:
    return (
        IdempotencyKey.operator_id == mine.operator_id,
        IdempotencyKey.key == mine.key,
        IdempotencyKey.claim == mine.claim,
    )


def _kept(gateway: Gateway, first: IdempotencyKey) -> KeptAnswer:
    body = gateway.cipher.decrypt(first.body_encrypted or "", f"{first.operator_id}:{first.key}")
    return KeptAnswer(first.status or 0, first.content_type or "", body)
