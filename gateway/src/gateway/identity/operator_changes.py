"""What operators may change about each other: role, access, sessions, a lost second factor.

Each change checks again, inside its transaction, who makes it and whom it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from contracts.common import Conflict, Page
from servicekit import loading
from servicekit.paging import page_of
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from gateway.clients.context import Gateway
from gateway.identity import invitations, login_sessions, passwords, second_factor
from gateway.identity.operators import Identity, may_manage, require_still
from gateway.models import Operator, Role, SecondFactor

LAST_OWNER = "this is the last active owner; make someone else an owner first"
ONESELF = "you can't change your own role or access; ask another owner or admin"


@dataclass(frozen=True)
class OperatorView:
    id: str
    email: str
    full_name: str
    role: Role
    disabled: bool
    second_factor: bool
    created_at: datetime
    last_seen_at: datetime | None


def list_operators(gateway: Gateway, limit: int, after: str | None) -> Page[OperatorView]:
    """Newest first."""
    with gateway.database.reading() as session:
        found = page_of(session, select(Operator), Operator.id, lambda one: one, limit=limit, after=after)
        having = _with_second_factor(session, [operator.id for operator in found.items])
    return Page([_view(operator, operator.id in having) for operator in found.items], found.next)


def get_operator(gateway: Gateway, operator_id: str) -> OperatorView:
    """Raises NotFound."""
    with gateway.database.reading() as session:
        operator = loading.get(session, Operator, operator_id)
        return _view(operator, bool(_with_second_factor(session, [operator_id])))


def change(
    gateway: Gateway,
    actor: Identity,
    operator_id: str,
    *,
    role: Role | None = None,
    disabled: bool | None = None,
) -> OperatorView:
    """Change the role, disable or enable; None leaves a value unchanged.

    A disabled operator's sessions end and their API tokens stop working. The open invitations of an operator
    who is disabled or gets another role are revoked. Raises NotFound, Forbidden, Conflict for the actor
    themselves and for the last active owner.
    """
    with _changing(gateway, actor, operator_id) as (session, operator):
        if role is not None and not may_manage(actor.role, role):
            raise Forbidden(f"your role ({actor.role}) doesn't allow giving someone the role {role}")
        new_role = operator.role if role is None else role
        new_disabled = operator.disabled if disabled is None else disabled
        stays_owner = new_role is Role.OWNER and not new_disabled
        if not stays_owner and _is_last_owner(session, operator):
            raise Conflict(LAST_OWNER)
        if new_disabled and not operator.disabled:
            login_sessions.end_all(session, operator.id)
        if new_disabled or new_role is not operator.role:
            invitations.revoke_those_of(gateway, session, operator.id)
        operator.role, operator.disabled = new_role, new_disabled
    return get_operator(gateway, operator_id)


def end_sessions(gateway: Gateway, actor: Identity, operator_id: str) -> OperatorView:
    """Log the operator out everywhere. Raises NotFound, Forbidden, Conflict for the actor themselves."""
    with _changing(gateway, actor, operator_id) as (session, operator):
        login_sessions.end_all(session, operator.id)
    return get_operator(gateway, operator_id)


def switch_second_factor_off(gateway: Gateway, actor: Identity, operator_id: str) -> OperatorView:
    """For an operator who lost phone and recovery codes. Logs them out too. Raises like `end_sessions`."""
    with _changing(gateway, actor, operator_id) as (session, operator):
        second_factor.switch_off(session, operator.id)
        login_sessions.end_all(session, operator.id)
    return get_operator(gateway, operator_id)


def change_password(gateway: Gateway, identity: Identity, password: str) -> None:
    """Change the password of an operator who has proved their identity. Ends all of their sessions."""
    password_hash = passwords.hash_password(password)
    with gateway.database.transaction() as session:
        session.get_one(Operator, identity.id, with_for_update=True).password_hash = password_hash
        login_sessions.end_all(session, identity.id)


def switch_own_second_factor_off(gateway: Gateway, identity: Identity) -> None:
    with gateway.database.transaction() as session:
        second_factor.switch_off(session, identity.id)


@contextmanager
def _changing(gateway: Gateway, actor: Identity, operator_id: str) -> Iterator[tuple[Session, Operator]]:
    """A transaction in which nobody else changes operators. Yields the operator, whom `actor` may change."""
    with gateway.database.transaction() as session:
        _lock(session)
        require_still(session, actor)
        operator = loading.lock(session, Operator, operator_id)
        if operator.id == actor.id:
            raise Conflict(ONESELF)
        if not may_manage(actor.role, operator.role):
            raise Forbidden(
                f"your role ({actor.role}) doesn't allow changing an operator with the role {operator.role}"
            )
        yield session, operator


def _lock(session: Session) -> None:
    """Without it, on PostgreSQL, two owners who demote each other at once would both count the other."""
    session.execute(_active_owners().order_by(Operator.id).with_for_update()).all()


def _is_last_owner(session: Session, operator: Operator) -> bool:
    return session.scalars(_active_owners()).all() == [operator.id]


def _active_owners() -> Select:
    return select(Operator.id).where(Operator.role == Role.OWNER, Operator.disabled.is_(False))


def _with_second_factor(session: Session, operator_ids: list[str]) -> set[str]:
    query = select(SecondFactor.operator_id).where(
        SecondFactor.operator_id.in_(operator_ids), SecondFactor.confirmed_at.is_not(None)
    )
    return set(session.scalars(query))


def _view(operator: Operator, has_second_factor: bool) -> OperatorView:
    return OperatorView(
        id=operator.id,
        email=operator.email,
        full_name=operator.full_name,
        role=operator.role,
        disabled=operator.disabled,
        second_factor=has_second_factor,
        created_at=operator.created_at,
        last_seen_at=operator.last_seen_at,
    )
