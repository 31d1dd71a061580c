"""Samples of how many sessions are open, one every five minutes of the machine's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from servicekit.db import insert_if_absent, rows_changed
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from radius_svc.models import OnlineCount

KEPT = timedelta(days=400)
BATCH = 500


def is_taken(session: Session, at: datetime) -> bool:
    """Whether there is a sample of this moment."""
    return session.get(OnlineCount, at) is not None


def take(session: Session, at: datetime, sessions: int) -> bool:
    """Store the sample of this moment; False if another process was faster."""
    return insert_if_absent(session, OnlineCount, at=at, sessions=sessions)


def delete_old(session: Session, now: datetime) -> int:
    """Delete a batch of samples older than 400 days. Returns how many were deleted."""
    old = select(OnlineCount.at).where(OnlineCount.at < now - KEPT).limit(BATCH)
    return rows_changed(session, delete(OnlineCount).where(OnlineCount.at.in_(old)))
