"""The timeline of services: when they went online and offline, and the requests to their routers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.radius import LineEvent, LineEventKind
from servicekit.paging import MAX_PAGE_SIZE
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.domain import evidence
from radius_svc.models import RadAcct, RequestAttempt
from radius_svc.queries.usage import within


def list_line_events(session: Session, service_ids: Sequence[str], limit: int) -> list[LineEvent]:
    """At most `limit` (up to 200) events of at most 200 services, the newest first."""
    limit = within(limit, MAX_PAGE_SIZE)
    # One query per service, so that each reads only a short range of an index.
    events = [
        event
        for service_id in dict.fromkeys(service_ids[:MAX_PAGE_SIZE])
        for event in (
            *_session_events(session, service_id, limit),
            *_request_events(session, service_id, limit),
        )
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)[:limit]


def _session_events(session: Session, service_id: str, limit: int) -> Iterator[LineEvent]:
    """Events of the newest sessions. A service has one session at a time, so these also ended last."""
    query = select(RadAcct).where(RadAcct.service_id == service_id, RadAcct.acctstarttime.is_not(None))
    for row in session.scalars(query.order_by(RadAcct.acctstarttime.desc()).limit(limit)):
        if row.acctstoptime is not None:
            yield LineEvent(row.acctstoptime, LineEventKind.OFFLINE, service_id, _why_offline(row))
        if row.acctstarttime is not None:
            address = str(row.framedipaddress or "")
            yield LineEvent(row.acctstarttime, LineEventKind.ONLINE, service_id, address)


def _why_offline(row: RadAcct) -> str:
    if row.closed_on_evidence is None:
        return row.acctterminatecause or ""
    return evidence.in_words(row.closed_on_evidence)


def _request_events(session: Session, service_id: str, limit: int) -> Iterator[LineEvent]:
    query = select(RequestAttempt).where(RequestAttempt.service_id == service_id)
    for attempt in session.scalars(query.order_by(RequestAttempt.id.desc()).limit(limit)):
        yield LineEvent(
            attempt.sent_at,
            LineEventKind.REQUEST,
            service_id,
            attempt.detail,
            request=attempt.kind,
            outcome=attempt.outcome,
            error_cause=attempt.error_cause,
        )
