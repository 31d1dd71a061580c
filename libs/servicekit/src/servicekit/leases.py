"""Leases: one holder at a time for work that any replica could do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Protocol

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from servicekit.clock import machine_now
from servicekit.db import insert_if_absent, rows_changed
from servicekit.tables import Lease


class LeaseTaken(Exception):
    """Another process holds the lease."""


class Transactional(Protocol):
    """A Runtime or a Database."""

    def transaction(self) -> AbstractContextManager[Session]: ...


@contextmanager
def holding(database: Transactional, name: str, holder: str, lasting: timedelta) -> Iterator[Session]:
    """A transaction in which `holder` has the lease `name`, taken or renewed for `lasting` from now.

    Until the transaction ends no one else can take it; afterwards the lease lasts until it expires or is
    released. Work in several transactions opens each of them this way, or renews often enough. Raises
    LeaseTaken if another holder has the lease: use `contextlib.suppress` where that is fine.
    """
    with database.transaction() as session:
        if not take(session, name, holder, lasting):
            raise LeaseTaken(f"another process holds the lease {name!r}")
        yield session


def take(session: Session, name: str, holder: str, lasting: timedelta) -> bool:
    """Take or renew the lease; False while another holder has it."""
    now = machine_now()
    ours_or_expired = update(Lease).where(
        Lease.name == name, or_(Lease.holder == holder, Lease.expires_at <= now)
    )
    if rows_changed(session, ours_or_expired.values(holder=holder, expires_at=now + lasting)):
        return True
    return insert_if_absent(session, Lease, name=name, holder=holder, expires_at=now + lasting)


def release(session: Session, name: str, holder: str) -> None:
    """Give the lease back early, if `holder` still has it."""
    ours = update(Lease).where(Lease.name == name, Lease.holder == holder)
    session.execute(ours.values(expires_at=machine_now()))
