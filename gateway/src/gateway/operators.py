"""Operators: made, found, and known by their password."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.common import Conflict, InvalidInput
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized

from gateway import passwords, throttle
from gateway.context import Gateway
from gateway.models import Operator, Role


@dataclass(frozen=True)
class Identity:
    """Who is making this request."""

    id: str
    email: str
    full_name: str
    role: Role

    @staticmethod
    def of(operator: Operator) -> Identity:
        return Identity(operator.id, operator.email, operator.full_name, operator.role)


def normal_email(text: str) -> str:
    return text.strip().lower()


def any_exists(gateway: Gateway) -> bool:
    with gateway.database.reading() as session:
        return session.scalar(select(Operator.id).limit(1)) is not None


def create_operator(
    gateway: Gateway, session: Session, *, email: str, full_name: str, role: Role, password: str
) -> Identity:
    """Raises InvalidInput for an address that is none, Conflict for one that is taken."""
    email = normal_email(email)
    if not _looks_like_email(email):
        raise InvalidInput.of("email", "is not an e-mail address; write it like name@example.com")
    if session.scalar(select(Operator.id).where(Operator.email == email)) is not None:
        raise Conflict(f"an operator with the e-mail address {email} exists")
    operator = Operator(
        id=new_id(),
        email=email,
        full_name=full_name.strip() or email,
        role=role,
        password_hash=passwords.hash_password(password),
        disabled=False,
        created_at=gateway.wall_now(),
    )
    session.add(operator)
    return Identity.of(operator)


def authenticate(gateway: Gateway, email: str, password: str, address: str) -> Identity:
    """Raises Unauthorized for a wrong e-mail or password, TooManyRequests after too many of them.

    Unauthorized says neither which of the two was wrong nor whether the operator is disabled.
    """
    account = normal_email(email)[:200]
    throttle.claim_attempt(gateway, account, address)
    with gateway.database.reading() as session:
        operator = session.scalar(select(Operator).where(Operator.email == account))
    known = operator.password_hash if operator is not None else None
    right = passwords.is_right(password[: passwords.MAX_LENGTH + 1], known)
    if operator is None or not right or operator.disabled:
        raise Unauthorized("the e-mail address or the password is wrong")
    with gateway.database.transaction() as session:
        throttle.forgive(session, account)
    return Identity.of(operator)


def _looks_like_email(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    plain = text.isprintable() and not any(character.isspace() for character in text)
    return bool(name and at and domain and plain and len(text) <= 200)
