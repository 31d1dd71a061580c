"""Whether routers send packets, and whether they use the right secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from contracts.radius import NasActivity, NasHealth
from servicekit.paging import MAX_PAGE_SIZE
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from radius_svc.models import IS_OPEN, Nas, RadAcct

SILENT_AFTER = timedelta(minutes=15)
# Both times of a router are written at most once a minute, so the order of times closer than this is unknown.
LAG = timedelta(seconds=65)
# A second sender with another secret sends at least the interim reports of its sessions.
MISMATCH_COUNTS_FOR = timedelta(minutes=6)


def list_nas_activity(session: Session, router_ids: Sequence[str], now: datetime) -> list[NasActivity]:
    """The activity of each of these routers that is a RADIUS client (at most 200 ids)."""
    ids = list(router_ids)[:MAX_PAGE_SIZE]
    counts = select(RadAcct.router_id, func.count()).where(RadAcct.router_id.in_(ids), IS_OPEN)
    open_sessions = dict(session.execute(counts.group_by(RadAcct.router_id)).all())
    clients = session.scalars(select(Nas).where(Nas.router_id.in_(ids)))
    return [_nas_activity(nas, open_sessions.get(nas.router_id, 0), now) for nas in clients]


def _nas_activity(nas: Nas, open_sessions: int, now: datetime) -> NasActivity:
    heard_at, mismatch_at = nas.last_heard_at, nas.last_secret_mismatch_at
    if heard_at is not None and mismatch_at is not None and heard_at - mismatch_at > MISMATCH_COUNTS_FOR:
        mismatch_at = None
    return NasActivity(
        router_id=nas.router_id or "",
        version=nas.version or 0,
        health=_health(heard_at, now),
        last_heard_at=heard_at,
        open_sessions=open_sessions,
        secret_mismatch_at=mismatch_at,
        also_well_signed=bool(heard_at and mismatch_at and mismatch_at - heard_at <= LAG),
    )


def _health(last_heard_at: datetime | None, now: datetime) -> NasHealth:
    if last_heard_at is None:
        return NasHealth.NEVER_HEARD
    return NasHealth.CONNECTED if now - last_heard_at <= SILENT_AFTER else NasHealth.SILENT
