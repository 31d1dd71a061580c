"""Whether somebody answers RADIUS packets, by the sign of life the listeners leave in the database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.models import ListenerState
from radius_svc.usecases.following.rounds import LISTENER_SILENT_AFTER


def health(session: Session) -> str:
    """`ok`, or what is wrong in a few words."""
    newest = session.scalar(
        select(ListenerState.heartbeat_at).order_by(ListenerState.heartbeat_at.desc()).limit(1)
    )
    if newest is None:
        return "no RADIUS listener has been started"
    if newest < datetime.now(UTC) - LISTENER_SILENT_AFTER:
        return f"no sign of life since {newest.isoformat(timespec='seconds')}"
    return "ok"
