"""Registering and changing routers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.common import Conflict, InvalidInput, changes
from contracts.router import (
    ChangeRouter,
    NasDeregistered,
    NasRegistered,
    RegisterRouter,
    RouterStatus,
)
from servicekit import loading, outbox
from servicekit.edits import check_current, mark_edited
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from router_svc.domain import checks
from router_svc.models import Router
from router_svc.views import router_view


def register_router(
    session: Session, command: RegisterRouter, *, cipher: FieldCipher, now: datetime
) -> Router:
    """Register a router that is already set up for RADIUS.

    Raises InvalidInput, and Conflict if its name or address was just taken.
    """
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
    _publish(session, router, now)
    return router


def change_router(session: Session, command: ChangeRouter, *, cipher: FieldCipher, now: datetime) -> Router:
    """Change a router, and publish the change if there is one.

    Raises NotFound if there is no such router, Stale if it was edited, InvalidInput, and Conflict if its new
    name or address was just taken.
    """
    router = loading.lock(session, Router, command.router_id)
    check_current(router, command)
    with session.no_autoflush:  # _publish() flushes, where a violated constraint is turned into a Conflict
        for name, value in changes(command):
            _change(session, router, name, value, cipher)
    if session.is_modified(router):
        router.version += 1
        mark_edited(router, command, now)
        _publish(session, router, now)
    return router


def _change(session: Session, router: Router, name: str, value: Any, cipher: FieldCipher) -> None:
    match name:
        case "name":
            router.name = _free(session, Router.name, checks.name(value), router)
        case "nas_address":
            router.nas_address = _free(session, Router.nas_address, checks.nas_address(value), router)
        case "radius_secret":
            router.radius_secret_encrypted = cipher.encrypt(checks.radius_secret(value), aad=router.id)
        case "coa_port":
            router.coa_port = checks.port(value)
        case "status" | "session_control" | "require_message_authenticator":
            setattr(router, name, value)
        case _:
            raise TypeError(f"cannot change {name} of a router")


def _free(session: Session, column: InstrumentedAttribute, value: str, router: Router | None = None) -> str:
    """`value`, if no router other than `router` has it in `column`. Raises InvalidInput if one does."""
    holder = session.scalar(select(Router).where(column == value))
    if holder is not None and holder is not router:
        raise InvalidInput.of(column.key, f"{value} is already used by router {holder.name}")
    return value


def _publish(session: Session, router: Router, now: datetime) -> None:
    try:
        session.flush()
    except IntegrityError as error:  # two requests found the same name or address free at the same moment
        raise Conflict("the name or the address was just taken by someone else; choose another") from error
    if router.status is RouterStatus.DISABLED:
        outbox.add(session, NasDeregistered(router_id=router.id, version=router.version), now=now)
        return
    event = NasRegistered(router=router_view(router), radius_secret_encrypted=router.radius_secret_encrypted)
    outbox.add(session, event, now=now)
