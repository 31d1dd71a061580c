"""Browser sessions, stored so that they can be ended. The cookie carries a random token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.common import NotFound
from servicekit.ids import new_id
from servicekit.paging import printable
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from gateway.clients.context import Gateway
from gateway.identity.digests import digest
from gateway.identity.operators import Identity
from gateway.models import LoginSession, Operator

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# Recording every page view would cost a disk write per page.
SEEN_EVERY = timedelta(minutes=1)
MAX_USER_AGENT_LENGTH = 300


@dataclass(frozen=True)
class SessionView:
    """One browser; `is_this` marks the one that sent this request."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str
    is_this: bool


def begin(gateway: Gateway, operator_id: str, address: str, user_agent: str) -> str:
    """Start a session. Returns the token for the cookie."""
    token, now = secrets.token_urlsafe(32), gateway.wall_now()
    with gateway.database.transaction() as session:
        _operator_seen(session, operator_id, now)
        session.add(
            LoginSession(
                id=new_id(),
                token_hash=digest(token),
                operator_id=operator_id,
                address=address,
                user_agent=printable(user_agent)[:MAX_USER_AGENT_LENGTH],
                created_at=now,
                last_seen_at=now,
            )
        )
    return token


def find(gateway: Gateway, token: str, *, in_background: bool = False) -> Identity | None:
    """The operator of a session; None if it is unknown, ended, idle for too long or too old.

    `in_background`: the page sent the request without any action by the operator, so the session stays idle.
    """
    now = gateway.wall_now()
    with gateway.database.reading() as session:
        found = session.execute(
            select(LoginSession, Operator)
            .join(Operator, Operator.id == LoginSession.operator_id)
            .where(LoginSession.token_hash == digest(token), _is_live(gateway), Operator.disabled.is_(False))
        ).first()
    if found is None:
        return None
    login, operator = found
    if login.last_seen_at < now - SEEN_EVERY and not in_background:
        with gateway.database.transaction() as session:
            _operator_seen(session, operator.id, now)
            session.execute(update(LoginSession).where(LoginSession.id == login.id).values(last_seen_at=now))
    return Identity.of(operator)


def list_of(gateway: Gateway, operator_id: str, token: str) -> list[SessionView]:
    """The operator's live sessions, newest first; `token` is the one of this request's browser."""
    with gateway.database.reading() as session:
        live = session.scalars(
            select(LoginSession)
            .where(LoginSession.operator_id == operator_id, _is_live(gateway))
            .order_by(LoginSession.id.desc())
        ).all()
    this = digest(token)
    return [
        SessionView(
            login.id,
            login.created_at,
            login.last_seen_at,
            login.address,
            login.user_agent,
            login.token_hash == this,
        )
        for login in live
    ]


def end(gateway: Gateway, token: str) -> None:
    with gateway.database.transaction() as session:
        session.execute(delete(LoginSession).where(LoginSession.token_hash == digest(token)))


def end_one(gateway: Gateway, operator_id: str, session_id: str) -> None:
    """End a session. Raises NotFound if it is not the operator's or has already ended."""
    with gateway.database.transaction() as session:
        login = session.get(LoginSession, session_id)
        if login is None or login.operator_id != operator_id:
            raise NotFound("this session doesn't exist; it may have already ended")
        session.delete(login)


def end_others(gateway: Gateway, operator_id: str, token: str) -> None:
    """End all sessions of the operator except the one with this token."""
    with gateway.database.transaction() as session:
        others = (LoginSession.operator_id == operator_id, LoginSession.token_hash != digest(token))
        session.execute(delete(LoginSession).where(*others))


def end_all(session: Session, operator_id: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.operator_id == operator_id))


def forget_old(gateway: Gateway, session: Session) -> None:
    now = gateway.wall_now()
    over = or_(LoginSession.last_seen_at < now - IDLE, LoginSession.created_at < now - ABSOLUTE)
    session.execute(delete(LoginSession).where(over))


def _is_live(gateway: Gateway) -> ColumnElement[bool]:
    now = gateway.wall_now()
    return (LoginSession.last_seen_at > now - IDLE) & (LoginSession.created_at > now - ABSOLUTE)


def _operator_seen(session: Session, operator_id: str, now: datetime) -> None:
    """Call it before writing a session: operator first, session second is the lock order everywhere."""
    session.execute(update(Operator).where(Operator.id == operator_id).values(last_seen_at=now))
