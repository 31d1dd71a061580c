"""Operators: who they are, how they are created, and which roles may manage which."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.common import Conflict, FieldError, InvalidInput
from servicekit.db import insert_if_absent
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from gateway.clients.context import Gateway
from gateway.identity import passwords
from gateway.models import Operator, Role

MAX_LENGTH = 200
# The roles that an operator may invite and change.
MANAGES: dict[Role, frozenset[Role]] = {
    Role.OWNER: frozenset(Role),
    Role.ADMIN: frozenset({Role.STAFF, Role.TECHNICIAN}),
    Role.STAFF: frozenset(),
    Role.TECHNICIAN: frozenset(),
}


@dataclass(frozen=True)
class Identity:
    """The operator who sent this request."""

    id: str
    email: str
    full_name: str
    role: Role

    @staticmethod
    def of(operator: Operator) -> Identity:
        return Identity(operator.id, operator.email, operator.full_name, operator.role)


def may_manage(role: Role, other: Role) -> bool:
    """Whether an operator in `role` may invite and change operators in the other role."""
    return other in MANAGES[role]


def require_still(session: Session, actor: Identity) -> None:
    """Raises Forbidden if the actor was disabled or given another role since the request began.

    Locks the actor's row, so that neither can happen until the transaction ends.
    """
    now = session.get(Operator, actor.id, with_for_update={"read": True})
    if now is None or now.disabled or now.role is not actor.role:
        raise Forbidden("your own role was changed in the meantime; reload the page")


def normal_email(text: str) -> str:
    return text.strip().lower()


def checked_email(text: str) -> str:
    """The address as it is stored. Raises InvalidInput if the text is not an email address."""
    email = normal_email(text)
    name, at, domain = email.rpartition("@")
    plain = email.isprintable() and not any(character.isspace() for character in email)
    if not (name and at and domain and plain and len(email) <= MAX_LENGTH) or "@" in name:
        raise InvalidInput.of("email", "must be an email address, such as name@example.com")
    return email


def any_exists(gateway: Gateway) -> bool:
    with gateway.database.reading() as session:
        return session.scalar(select(Operator.id).limit(1)) is not None


def find_active(gateway: Gateway, operator_id: str) -> Identity | None:
    """The operator; None if there is none or they are disabled."""
    with gateway.database.reading() as session:
        operator = session.get(Operator, operator_id)
    return Identity.of(operator) if operator is not None and not operator.disabled else None


def create_operator(
    gateway: Gateway, session: Session, *, email: str, full_name: str, role: Role, password: str
) -> Identity:
    """Raises InvalidInput for an invalid address or name, Conflict for an address that is taken."""
    email, full_name = checked_email(email), full_name.strip()
    if len(full_name) > MAX_LENGTH or not full_name.isprintable():
        raise InvalidInput.of("full_name", f"is one line of at most {MAX_LENGTH} characters")
    made = Identity(new_id(), email, full_name or email, role)
    new = insert_if_absent(
        session,
        Operator,
        id=made.id,
        email=email,
        full_name=made.full_name,
        role=role,
        password_hash=passwords.hash_password(password),
        disabled=False,
        created_at=gateway.wall_now(),
    )
    if not new:
        raise taken(email)
    return made


def taken(email: str) -> Conflict:
    message = f"an operator with the email address {email} already exists"
    return Conflict(message, [FieldError("email", message)])
