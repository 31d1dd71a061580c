"""Exemptions: why a service works although a hold is active."""

from __future__ import annotations

from contracts.common import Page
from contracts.holds import CancelExemption, ExemptionView

from gateway.api.routing import by_operator, endpoint
from gateway.api.services.shapes import ExemptionShape, ServiceShape, shape_when_provisioned
from gateway.api.shapes import Listing
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.services import Restore


@endpoint(
    "POST",
    "/services/<service_id>/restore",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=Restore,
    answer=ServiceShape,
    event=Event("api.restore_service", "Restored a service temporarily", "service"),
)
def restore_service(service_id: str, body: Restore) -> ServiceShape:
    """Let a service that is suspended for an overdue bill work up to `until`, 3 days from now by default.

    After that it is suspended again unless the bill is paid. A second restore replaces the first.
    """
    command = body.command(service_id, by_operator())
    return shape_when_provisioned(services().subscriber.restore_service(command))


@endpoint(
    "GET",
    "/services/<service_id>/exemptions",
    permission=Permission.VIEW_SUBSCRIBERS,
    answer=Listing[ExemptionShape],
)
def list_exemptions(service_id: str) -> Page[ExemptionView]:
    """List all exemptions of a service, newest first, including those that have ended."""
    return Page(services().subscriber.get_service(service_id).exemptions[::-1])


@endpoint(
    "DELETE",
    "/services/<service_id>/exemptions/<exemption_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=ServiceShape,
    event=Event("api.cancel_exemption", "Ended a temporary restore", "service"),
)
def cancel_exemption(service_id: str, exemption_id: str) -> ServiceShape:
    """End an exemption now. The holds that it covered suspend the service again."""
    command = CancelExemption(service_id=service_id, exemption_id=exemption_id, **by_operator())
    return shape_when_provisioned(services().subscriber.cancel_exemption(command))
