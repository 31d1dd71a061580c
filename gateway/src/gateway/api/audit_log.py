"""The audit log."""

from __future__ import annotations

from contracts.common import Page
from pydantic import AwareDatetime, Field

from gateway.api.queries import QueryText
from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.audit.entries import AuditFilter, AuditView, list_entries
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.resources.fields import Day


class AuditQuery(Paging):
    """Days are in the ISP's time zone; `until` is included."""

    operator_id: QueryText | None = None
    event: QueryText | None = None
    since: Day | None = None
    until: Day | None = None


class AuditEntryShape(Shape):
    """`what` is `event` in words; `operator_id` is empty if the operator is unknown."""

    id: int
    recorded_at: AwareDatetime
    operator_id: str
    actor: str
    role: str
    event: str
    what: str
    action: str = Field(examples=["POST /api/v1/plans"])
    path: str
    record_id: str
    address: str
    correlation_id: str


@endpoint(
    "GET",
    "/audit-log",
    permission=Permission.VIEW_AUDIT_LOG,
    query=AuditQuery,
    answer=Listing[AuditEntryShape],
)
def list_audit_log(query: AuditQuery) -> Page[AuditView]:
    """List who did what, newest first."""
    asked = AuditFilter(
        operator_id=query.operator_id,
        events=(query.event,) if query.event is not None else None,
        since=query.since,
        until=query.until,
    )
    return list_entries(current(), asked, query.limit, query.after)
