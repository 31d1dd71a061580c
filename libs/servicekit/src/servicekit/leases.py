"""Leases: one holder at a time for work that any replica could do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from servicekit.db import insert_if_absent, rows_changed
from servicekit.tables import Lease


def take(session: Session, name: str, holder: str, lasting: timedelta) -> bool:
    """Take or renew the lease; False while another holder has it."""
    now = datetime.now(UTC)
    ours_or_over = update(Lease).where(
        Lease.name == name, or_(Lease.holder == holder, Lease.expires_at <= now)
    )
    if rows_changed(session, ours_or_over.values(holder=holder, expires_at=now + lasting)):
        return True
    return insert_if_absent(session, Lease, name=name, holder=holder, expires_at=now + lasting)


def release(session: Session, name: str, holder: str) -> None:
    """Give the lease back early, if it is still ours."""
    session.execute(
        update(Lease).where(Lease.name == name, Lease.holder == holder).values(expires_at=datetime.now(UTC))
    )
