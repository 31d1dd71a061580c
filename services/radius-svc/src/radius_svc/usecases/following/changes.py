"""Requests to make live sessions follow their service: the rows the dispatcher works through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from servicekit.clock import machine_now
from servicekit.db import rows_changed
from servicekit.ids import new_id
from servicekit.logs import correlation_id
from sqlalchemy import Select, Update, insert, literal, select, update
from sqlalchemy.orm import Session

from radius_svc.models import ChangeKind, ChangeStatus, SessionChange
from radius_svc.usecases import authorization

# Set in session.info when there are new changes, so that the commit wakes the dispatcher.
MARK = "session_changes"


def request_kick(session: Session, service_id: str, *, now: datetime) -> SessionChange:
    """Request that the live sessions of the service are disconnected, because a person wants it."""
    return request_change(session, service_id, ChangeKind.KICK, now)


def request_change(session: Session, service_id: str, kind: ChangeKind, now: datetime) -> SessionChange:
    """Request that the live sessions of the service follow it.

    Changes of a service are handled in order, so older pending changes have their next round at once.
    """
    session.execute(_hurry_pending().where(SessionChange.service_id == service_id))
    change = SessionChange(service_id=service_id, **_new_change(session, kind, now))
    session.add(change)
    session.info[MARK] = True
    return change


def request_change_of_all(session: Session, services: Select[str], kind: ChangeKind, now: datetime) -> None:
    """Like `request_change` for all services that a query finds, in two statements regardless of their
    number.

    All other writers of RADIUS rows are waiting in the meantime.
    """
    hurry = _hurry_pending().where(SessionChange.service_id.in_(services))
    session.execute(hurry, execution_options={"synchronize_session": False})
    values = _new_change(session, kind, now)
    found = services.subquery()
    constants = [literal(value, SessionChange.__table__.c[name].type) for name, value in values.items()]
    change = insert(SessionChange).from_select(
        ["service_id", *values], select(found.c.service_id, *constants)
    )
    if rows_changed(session, change):
        session.info[MARK] = True


def _hurry_pending() -> Update:
    pending = update(SessionChange).where(SessionChange.status == ChangeStatus.PENDING)
    return pending.values(next_round_at=machine_now())


def _new_change(session: Session, kind: ChangeKind, now: datetime) -> dict[str, Any]:
    """The columns of a change that are the same for every service."""
    return {
        "kind": kind,
        "status": ChangeStatus.PENDING,
        "authorized_seq": authorization.next_seq(session),
        "authorized_at": now,
        "rounds": 0,
        "next_round_at": machine_now(),
        "correlation_id": correlation_id(),
    }


def request_changes(session: Session, services: Mapping[str, int], kind: ChangeKind, *, now: datetime) -> int:
    """Request a change of each service because of evidence, not because its account changed.

    `services` maps ids to the change of the RADIUS tables that must be in force. Returns how many there are.
    """
    for service_id, seq in services.items():
        session.add(
            SessionChange(
                service_id=service_id,
                kind=kind,
                status=ChangeStatus.PENDING,
                authorized_seq=seq,
                authorized_at=now,
                rounds=0,
                next_round_at=machine_now(),
                correlation_id=new_id(),
            )
        )
        session.info[MARK] = True
    return len(services)
