"""Registering and changing routers."""

from __future__ import annotations

from datetime import datetime

from contracts.common import Conflict, InvalidInput, NotFound
from contracts.router import (
    ChangeRouter,
    NasDeregistered,
    NasRegistered,
    RegisterRouter,
    RouterStatus,
)
from servicekit import outbox
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from router_svc import queries
from router_svc.domain import checks
from router_svc.models import Router


def register_router(
    session: Session, command: RegisterRouter, *, cipher: FieldCipher, now: datetime
) -> Router:
    """A router that speaks RADIUS already, as it is. Raises InvalidInput, Conflict."""
    router_id = new_id()
    router = Router(
        id=router_id,
        version=1,
        name=_free(session, Router.name, checks.name(command.name)),
        status=RouterStatus.ONLINE,
        nas_address=_free(session, Router.nas_address, checks.nas_address(command.nas_address)),
        radius_secret_encrypted=cipher.encrypt(checks.radius_secret(command.radius_secret), aad=router_id),
        coa_port=checks.port(command.coa_port),
        session_control=command.session_control,
        require_message_authenticator=command.require_message_authenticator,
        created_at=now,
    )
    session.add(router)
    _say(session, router, now)
    return router


def change_router(session: Session, command: ChangeRouter, *, cipher: FieldCipher, now: datetime) -> Router:
    """Change what is given, leave the rest. Raises NotFound, InvalidInput, Conflict."""
    router = session.scalar(select(Router).where(Router.id == command.router_id).with_for_update())
    if router is None:
        raise NotFound(f"there is no router {command.router_id}")
    with session.no_autoflush:  # written at one place, in _say()
        _apply(session, router, command, cipher)
    if session.is_modified(router):
        router.version += 1
        _say(session, router, now)
    return router


def _apply(session: Session, router: Router, command: ChangeRouter, cipher: FieldCipher) -> None:
    if command.name is not None and checks.name(command.name) != router.name:
        router.name = _free(session, Router.name, checks.name(command.name))
    if command.nas_address is not None and checks.nas_address(command.nas_address) != router.nas_address:
        router.nas_address = _free(session, Router.nas_address, checks.nas_address(command.nas_address))
    if command.radius_secret is not None:
        secret = checks.radius_secret(command.radius_secret)
        router.radius_secret_encrypted = cipher.encrypt(secret, aad=router.id)
    if command.coa_port is not None:
        router.coa_port = checks.port(command.coa_port)
    for field in ("status", "session_control", "require_message_authenticator"):
        if getattr(command, field) is not None:
            setattr(router, field, getattr(command, field))


def _free(session: Session, column: InstrumentedAttribute, value: str) -> str:
    """Raises InvalidInput when another router has the value."""
    holder = session.scalar(select(Router).where(column == value))
    if holder is not None:
        raise InvalidInput.of(column.key, f"{value} is already used by router {holder.name}")
    return value


def _say(session: Session, router: Router, now: datetime) -> None:
    try:
        session.flush()
    except IntegrityError as error:  # two found the same name or address free at the same moment
        raise Conflict("the name or the address was taken at this very moment; look again") from error
    if router.status is RouterStatus.DISABLED:
        outbox.add(session, NasDeregistered(router_id=router.id, version=router.version), now=now)
        return
    event = NasRegistered(
        router=queries.router_view(router), radius_secret_encrypted=router.radius_secret_encrypted
    )
    outbox.add(session, event, now=now)
