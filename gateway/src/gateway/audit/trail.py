"""The audit log: who did what to which record, from where. Entries are only ever added."""

from __future__ import annotations

from flask import Response, current_app, g, request
from servicekit.logs import correlation_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.events import Event, event_of
from gateway.clients.context import Gateway, current
from gateway.models import AuditEntry, Operator

UNKNOWN = "(no e-mail address)"
MAX_PATH = 500


def record(session: Session, record_id: str = "") -> None:
    """Record the event that the view of this request declares, caused by `g.operator`."""
    actor, event = g.operator, event_of(current_app.view_functions[request.endpoint or ""])
    if event is None:
        raise LookupError(f"{request.endpoint} declares no event for the audit log")
    session.add(_entry(event, record_id, actor.id, actor.email, actor.role.value))


def record_failed_login(gateway: Gateway, event: Event, account: str) -> None:
    """Record a failed attempt to log in as `account`, the email address as it was typed.

    Text that does not look like an address is not stored: people type their password into the wrong field.
    """
    with gateway.database.transaction() as session:
        operator = session.scalar(select(Operator).where(Operator.email == account))
        if operator is None:
            actor = account if "@" in account else UNKNOWN
            session.add(_entry(event, "", "", actor, ""))
        else:
            session.add(_entry(event, operator.id, operator.id, operator.email, operator.role.value))


def write_down(response: Response) -> Response:
    """Record a POST that changed something. Called after each request of the admin pages.

    `pages.done`, or the view, sets `g.acted` after a change. `g.record_id` is the record that was changed;
    without it the ids in the address are recorded.
    """
    if request.method == "POST" and g.get("acted") and g.get("operator"):
        named = g.get("record_id") or "/".join(str(part) for part in (request.view_args or {}).values())
        with current().database.transaction() as session:
            record(session, named)
    return response


def path_without_token() -> str:
    """The path of the request, or its URL rule if the path contains a token."""
    return str(request.url_rule) if "token" in (request.view_args or {}) else request.path


def _entry(event: Event, record_id: str, operator_id: str, actor: str, role: str) -> AuditEntry:
    return AuditEntry(
        recorded_at=current().clock.now(),
        operator_id=operator_id,
        actor=actor,
        role=role,
        address=request.remote_addr or "",
        event=event.name,
        action=f"{request.method} {request.url_rule}",
        path=path_without_token()[:MAX_PATH],
        record_id=record_id,
        correlation_id=correlation_id(),
    )
