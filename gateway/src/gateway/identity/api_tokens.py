"""Tokens of the REST API."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.common import NotFound
from servicekit.ids import new_id
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.clients.context import Gateway
from gateway.identity.digests import digest
from gateway.identity.operators import Identity
from gateway.models import ApiToken, Operator

# Lets secret scanners and people recognize a leaked token.
PREFIX = "isp_"
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class TokenView:
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def create(gateway: Gateway, operator_id: str, name: str) -> tuple[str, str]:
    """Create a token. Returns its id and the token itself, which is not stored."""
    token_id, token = new_id(), PREFIX + secrets.token_urlsafe(32)
    with gateway.database.transaction() as session:
        session.add(
            ApiToken(
                id=token_id,
                token_hash=digest(token),
                operator_id=operator_id,
                name=name,
                created_at=gateway.wall_now(),
            )
        )
    return token_id, token


def find(gateway: Gateway, token: str) -> Identity | None:
    """The operator of a token; None if it is unknown or revoked, or its operator is disabled."""
    with gateway.database.reading() as session:
        found = session.execute(
            select(ApiToken, Operator)
            .join(Operator, Operator.id == ApiToken.operator_id)
            .where(
                ApiToken.token_hash == digest(token),
                ApiToken.revoked_at.is_(None),
                Operator.disabled.is_(False),
            )
        ).first()
    if found is None:
        return None
    known, operator = found
    now = gateway.wall_now()
    if known.last_used_at is None or known.last_used_at < now - USED_EVERY:
        with gateway.database.transaction() as session:
            session.execute(update(ApiToken).where(ApiToken.id == known.id).values(last_used_at=now))
    return Identity.of(operator)


def list_of(gateway: Gateway, operator_id: str) -> list[TokenView]:
    with gateway.database.reading() as session:
        tokens = session.scalars(
            select(ApiToken).where(ApiToken.operator_id == operator_id).order_by(ApiToken.id)
        )
        return [
            TokenView(token.id, token.name, token.created_at, token.last_used_at, token.revoked_at)
            for token in tokens
        ]


def revoke(gateway: Gateway, operator_id: str, token_id: str) -> None:
    """Revoke a token; safe to repeat. Raises NotFound if it is not the operator's."""
    with gateway.database.transaction() as session:
        token = session.get(ApiToken, token_id)
        if token is None or token.operator_id != operator_id:
            raise NotFound(f"you have no token {token_id}")
        token.revoked_at = token.revoked_at or gateway.wall_now()


def revoke_all(session: Session, operator_id: str, now: datetime) -> None:
    good = update(ApiToken).where(ApiToken.operator_id == operator_id, ApiToken.revoked_at.is_(None))
    session.execute(good.values(revoked_at=now))
