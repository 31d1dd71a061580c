"""Browser sessions: kept here, ended here. The cookie carries a random token and nothing else of value."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from gateway.context import Gateway
from gateway.models import LoginSession, Operator
from gateway.operators import Identity

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# Writing down every page view would cost a disk write per page.
SEEN_EVERY = timedelta(minutes=1)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin(gateway: Gateway, identity: Identity) -> str:
    """A new session; returns the token for the cookie."""
    token = secrets.token_urlsafe(32)
    now = gateway.wall_now()
    with gateway.database.transaction() as session:
        session.add(
            LoginSession(token_hash=digest(token), operator_id=identity.id, created_at=now, last_seen_at=now)
        )
    return token


def find(gateway: Gateway, token: str) -> Identity | None:
    """Whose session it is; None when it never was, was ended, idled out or is too old."""
    now = gateway.wall_now()
    with gateway.database.reading() as session:
        found = session.execute(
            select(LoginSession, Operator)
            .join(Operator, Operator.id == LoginSession.operator_id)
            .where(
                LoginSession.token_hash == digest(token),
                LoginSession.last_seen_at > now - IDLE,
                LoginSession.created_at > now - ABSOLUTE,
                Operator.disabled.is_(False),
            )
        ).first()
    if found is None:
        return None
    login, operator = found
    if login.last_seen_at < now - SEEN_EVERY:
        with gateway.database.transaction() as session:
            session.execute(
                update(LoginSession)
                .where(LoginSession.token_hash == login.token_hash)
                .values(last_seen_at=now)
            )
    return Identity.of(operator)


def end(gateway: Gateway, token: str) -> None:
    with gateway.database.transaction() as session:
        session.execute(delete(LoginSession).where(LoginSession.token_hash == digest(token)))


def forget_old(gateway: Gateway, session: Session) -> None:
    now = gateway.wall_now()
    over = or_(LoginSession.last_seen_at < now - IDLE, LoginSession.created_at < now - ABSOLUTE)
    session.execute(delete(LoginSession).where(over))
