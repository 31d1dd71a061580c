"""Regaining access from the command line, for an operator whom nobody else can help."""

from __future__ import annotations

import secrets
from datetime import datetime

from contracts.common import NotFound
from servicekit.logs import correlation_id
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.audit.events import RESCUED
from gateway.identity import api_tokens, login_sessions, passwords, second_factor
from gateway.identity.operators import normal_email
from gateway.models import AuditEntry, LoginAttempt, Operator

ACTOR = "command line"
PASSWORD_OCTETS = 15


def rescue(session: Session, email: str, *, now: datetime) -> str:
    """Set a new password and return it. Enables the operator; removes second factor, sessions and API tokens.

    Raises NotFound. Naming other operators is safe: anyone who can run this can read the database.
    """
    operator = session.scalar(select(Operator).where(Operator.email == normal_email(email)).with_for_update())
    if operator is None:
        known = ", ".join(session.scalars(select(Operator.email).order_by(Operator.email).limit(20)))
        raise NotFound(f"there is no operator {email}; there are: {known or 'none yet'}")
    password = secrets.token_urlsafe(PASSWORD_OCTETS)
    operator.password_hash, operator.disabled = passwords.hash_password(password), False
    second_factor.switch_off(session, operator.id)
    login_sessions.end_all(session, operator.id)
    api_tokens.revoke_all(session, operator.id, now)
    session.execute(delete(LoginAttempt).where(LoginAttempt.account == operator.email))
    session.add(_entry(operator, now))
    return password


def _entry(operator: Operator, now: datetime) -> AuditEntry:
    return AuditEntry(
        recorded_at=now,
        operator_id="",
        actor=ACTOR,
        role="",
        address="",
        event=RESCUED.name,
        action=RESCUED.name,
        path="",
        record_id=operator.id,
        correlation_id=correlation_id(),
    )
