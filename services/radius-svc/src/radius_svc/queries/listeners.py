"""Whether RADIUS listeners are alive and how far they have read, according to the rows they write."""

from __future__ import annotations

from datetime import timedelta

from servicekit.clock import machine_now
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from radius_svc.models import ListenerState

# A listener that has not given a sign of life for this long counts as dead.
SILENT_AFTER = timedelta(seconds=10)


def health(session: Session) -> str:
    """`ok`, or a few words that say what is wrong."""
    newest = session.scalar(
        select(ListenerState.heartbeat_at).order_by(ListenerState.heartbeat_at.desc()).limit(1)
    )
    if newest is None:
        return "no RADIUS listener has been started"
    if newest < machine_now() - SILENT_AFTER:
        return f"no sign of life since {newest.isoformat(timespec='seconds')}"
    return "ok"


def all_have_applied(session: Session, seq: int) -> bool:
    """Whether every listener that is alive answers by the RADIUS tables as of `seq` (see IndexVersion)."""
    behind = exists().where(
        ListenerState.applied_seq < seq,
        ListenerState.heartbeat_at > machine_now() - SILENT_AFTER,
    )
    return not session.scalar(select(behind))
