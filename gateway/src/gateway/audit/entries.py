"""Reading the audit log: newest first, filtered by operator, event and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from contracts.common import Page
from servicekit.paging import page_of
from sqlalchemy import Select, select

from gateway.audit.events import event_words
from gateway.clients.context import Gateway
from gateway.models import AuditEntry


@dataclass(frozen=True)
class AuditFilter:
    """None means no filter. Days are in the ISP's time zone; `until` is included."""

    operator_id: str | None = None
    events: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class AuditView:
    """`operator_id` is empty if the operator is unknown; `what` is `event` in words."""

    id: int
    recorded_at: datetime
    operator_id: str
    actor: str
    role: str
    event: str
    what: str
    action: str
    path: str
    record_id: str
    address: str
    correlation_id: str


def list_entries(gateway: Gateway, asked: AuditFilter, limit: int, after: str | None) -> Page[AuditView]:
    """Raises InvalidInput if `after` is not a cursor of this list."""
    with gateway.database.reading() as session:
        return page_of(session, _query(gateway, asked), AuditEntry.id, _view, limit=limit, after=after)


def _query(gateway: Gateway, asked: AuditFilter) -> Select:
    query = select(AuditEntry)
    if asked.operator_id is not None:
        query = query.where(AuditEntry.operator_id == asked.operator_id)
    if asked.events is not None:
        query = query.where(AuditEntry.event.in_(asked.events))
    if asked.since is not None:
        query = query.where(AuditEntry.recorded_at >= _start_of(gateway, asked.since))
    if asked.until is not None:
        query = query.where(AuditEntry.recorded_at < _start_of(gateway, asked.until + timedelta(days=1)))
    return query


def _start_of(gateway: Gateway, day: date) -> datetime:
    return datetime.combine(day, time.min, gateway.settings.time_zone)


def _view(entry: AuditEntry) -> AuditView:
    return AuditView(
        id=entry.id,
        recorded_at=entry.recorded_at,
        operator_id=entry.operator_id,
        actor=entry.actor,
        role=entry.role,
        event=entry.event,
        what=event_words(entry.event, entry.action),
        action=entry.action,
        path=entry.path,
        record_id=entry.record_id,
        address=entry.address,
        correlation_id=entry.correlation_id,
    )
