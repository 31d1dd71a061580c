"""The audit log: who did what to which record, from where. Entries are only ever added."""

from __future__ import annotations

from flask import Response, g, request
from servicekit.logs import correlation_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clients.context import Gateway, current
from gateway.models import AuditEntry, Operator

# Events that belong to no page and no endpoint.
WRONG_PASSWORD = "login.wrong_password"  # noqa: S105 - the name of an event
WRONG_CODE = "login.wrong_code"
RESCUED = "command_line.rescue"
UNKNOWN = "(no e-mail address)"
LONGEST_PATH = 500


def record(session: Session, record_id: str = "") -> None:
    """Write down the request being handled, done by `g.operator`."""
    actor = g.operator
    session.add(_entry(request.endpoint or "", record_id, actor.id, actor.email, actor.role.value))


def record_failed_login(gateway: Gateway, event: str, account: str) -> None:
    """Write down that somebody could not prove to be `account`, the e-mail address as it was typed.

    What does not look like an address is not kept: people type their password into the wrong field.
    """
    with gateway.database.transaction() as session:
        operator = session.scalar(select(Operator).where(Operator.email == account))
        if operator is None:
            actor = account if "@" in account else UNKNOWN
            session.add(_entry(event, "", "", actor, ""))
        else:
            session.add(_entry(event, operator.id, operator.id, operator.email, operator.role.value))


def write_down(response: Response) -> Response:
    """After each request of the pages: a POST that did something, which `pages.done` or the view notes in
    `g.acted`; `g.record_id` is what it did it to, if that is not in the address."""
    if request.method == "POST" and g.get("acted") and g.get("operator"):
        named = g.get("record_id") or "/".join(str(part) for part in (request.view_args or {}).values())
        with current().database.transaction() as session:
            record(session, named)
    return response


def path_without_token() -> str:
    """The path of the request; a path that holds a token is told by its rule."""
    return str(request.url_rule) if "token" in (request.view_args or {}) else request.path


def _entry(event: str, record_id: str, operator_id: str, actor: str, role: str) -> AuditEntry:
    return AuditEntry(
        recorded_at=current().clock.now(),
        operator_id=operator_id,
        actor=actor,
        role=role,
        address=request.remote_addr or "",
        event=event,
        action=f"{request.method} {request.url_rule}",
        path=path_without_token()[:LONGEST_PATH],
        record_id=record_id,
        correlation_id=correlation_id(),
    )
