"""How many sessions are open, noted every five minutes of the machine's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from servicekit.db import insert_if_absent, rows_changed
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from radius_svc.models import OnlineCount

KEPT = timedelta(days=400)
BATCH = 500


def is_taken(session: Session, at: datetime) -> bool:
    return session.get(OnlineCount, at) is not None


def take(session: Session, at: datetime, sessions: int) -> bool:
    """False if another process has been quicker: there is one sample of a moment."""
    return insert_if_absent(session, OnlineCount, at=at, sessions=sessions)


def forget_old(session: Session, now: datetime) -> int:
    """Delete a batch of samples nobody can ask for. Returns how many there were."""
    old = select(OnlineCount.at).where(OnlineCount.at < now - KEPT).limit(BATCH)
    return rows_changed(session, delete(OnlineCount).where(OnlineCount.at.in_(old)))
