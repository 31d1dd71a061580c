"""Views of requests to routers."""

from __future__ import annotations

from contracts.common import Page
from contracts.radius import AttemptView
from servicekit.paging import page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.models import RequestAttempt


def list_attempts(session: Session, service_id: str, limit: int, after: str | None) -> Page[AttemptView]:
    """Requests about the sessions of a service, the newest first. Raises InvalidInput for a bad cursor."""
    query = select(RequestAttempt).where(RequestAttempt.service_id == service_id)
    return page_of(session, query, RequestAttempt.id, attempt_view, limit=limit, after=after)


def attempts_of_change(session: Session, change_id: int) -> list[AttemptView]:
    """The requests of a change, the oldest first."""
    query = select(RequestAttempt).where(RequestAttempt.change_id == change_id).order_by(RequestAttempt.id)
    return [attempt_view(attempt) for attempt in session.scalars(query)]


def attempt_view(attempt: RequestAttempt) -> AttemptView:
    return AttemptView(
        kind=attempt.kind,
        outcome=attempt.outcome,
        error_cause=attempt.error_cause,
        detail=attempt.detail,
        sent_at=attempt.sent_at,
        answered_at=attempt.answered_at,
    )
