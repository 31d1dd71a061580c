"""Routers as RADIUS clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.router import SessionControl
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.models import (
    Nas,
    RemovedNas,
)
from radius_svc.usecases.authorization.versions import next_seq, store


@dataclass(frozen=True, kw_only=True)
class NasClient:
    """A router as a RADIUS client. `address` is the source address of its packets."""

    router_id: str
    version: int
    address: str
    name: str
    secret: str = field(repr=False)
    coa_port: int = 3799
    session_control: SessionControl = SessionControl.DISCONNECT
    require_message_authenticator: bool = True
    disabled: bool = False


def write_nas(session: Session, client: NasClient) -> bool:
    """Store a router as a RADIUS client, even after it was removed.

    Returns False if this version is not newer.
    """
    seq = next_seq(session)
    removed = session.get(RemovedNas, client.router_id, populate_existing=True)
    if removed is not None and removed.version >= client.version:
        return False
    known = _nas_of_router(session, client.router_id)
    if known is not None and (known.version or 0) >= client.version:
        return False
    if removed is not None:
        session.delete(removed)
    row = {
        "nasname": client.address,
        "shortname": client.name,
        "secret": client.secret,
        "coa_port": client.coa_port,
        "session_control": client.session_control.value,
        "require_message_authenticator": client.require_message_authenticator,
        "disabled": client.disabled,
        "version": client.version,
        "changed_seq": seq,
    }
    if known is not None and known.secret != client.secret:
        row["last_secret_mismatch_at"] = None  # older mismatches say nothing about the new secret
    store(session, Nas, known, {"router_id": client.router_id, "type": "mikrotik"}, row)
    return True


def remove_nas(session: Session, router_id: str, version: int) -> bool:
    """Remove a router. The row itself is deleted because FreeRADIUS reads every row of `nas`.

    Returns False if this version is not newer.
    """
    seq = next_seq(session)
    removed = session.get(RemovedNas, router_id, populate_existing=True)
    if removed is not None and removed.version >= version:
        return False
    known = _nas_of_router(session, router_id)
    if known is not None and (known.version or 0) >= version:
        return False
    if known is not None:
        session.delete(known)
    row = {"version": version, "changed_seq": seq}
    store(session, RemovedNas, removed, {"router_id": router_id}, row)
    return True


def _nas_of_router(session: Session, router_id: str) -> Nas | None:
    statement = select(Nas).where(Nas.router_id == router_id)
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
