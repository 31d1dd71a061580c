"""The audit log: who did what to which record."""

from __future__ import annotations

from flask import g, request
from servicekit.logs import correlation_id
from sqlalchemy.orm import Session

from gateway.context import current
from gateway.models import AuditEntry


def record(session: Session, record_id: str = "") -> None:
    """Write down the request being handled, done by `g.operator`."""
    session.add(
        AuditEntry(
            recorded_at=current().clock.now(),
            operator_id=g.operator.id,
            actor=g.operator.email,
            address=request.remote_addr or "",
            action=f"{request.method} {request.url_rule}",
            path=request.path,
            record_id=record_id,
            correlation_id=correlation_id(),
        )
    )
