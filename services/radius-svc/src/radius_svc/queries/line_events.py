"""What happened on a line: sessions that began and ended, and what was asked of its router."""

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
    """At most `limit` (up to 200), the newest first, of at most 200 services."""
    limit = within(limit, MAX_PAGE_SIZE)
    # A query per service, so that each is a short walk on an index.
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
    """Of the newest sessions: one at a time is on line, so the newest ends are theirs too."""
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
