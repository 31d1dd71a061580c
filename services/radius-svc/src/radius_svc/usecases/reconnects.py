"""Records when services that were released are back online (see queries.reconnects.find_back)."""

from __future__ import annotations

from datetime import datetime

from servicekit.db import rows_changed
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from radius_svc.models import Reconnect
from radius_svc.queries.reconnects import milliseconds_until


def note_back(session: Session, back: dict[str, datetime]) -> int:
    """Store what `find_back` found. Returns how many cases were not stored before."""
    noted = 0
    for reconnect in session.scalars(select(Reconnect).where(Reconnect.id.in_(back))):
        online_at = back[reconnect.id]
        values = {"online_at": online_at, "milliseconds": milliseconds_until(reconnect, online_at)}
        still_open = update(Reconnect).where(Reconnect.id == reconnect.id, Reconnect.online_at.is_(None))
        noted += rows_changed(session, still_open.values(values))
    return noted
