"""Holds: why a service is suspended."""

from __future__ import annotations

from contracts.holds import ReleaseHold

from gateway.api.routing import by_operator, endpoint
from gateway.api.services.shapes import HoldShape, ServiceShape, shape_when_provisioned
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.services import NewHold


class PlacedHold(HoldShape):
    """The hold, and the service after placing it."""

    service: ServiceShape


@endpoint(
    "POST",
    "/services/<service_id>/holds",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=NewHold,
    answer=PlacedHold,
    status=201,
    event=Event("api.place_hold", "Placed a hold on a service", "service"),
)
def place_hold(service_id: str, body: NewHold) -> PlacedHold:
    """Place a hold, which suspends the service. A payment releases only `overdue` holds."""
    service = services().subscriber.place_hold(body.command(service_id, by_operator()))
    placed = [hold for hold in service.standing_holds if hold.reason is body.reason]
    newest = max(placed, key=lambda hold: hold.placed_at)
    shape = shape_when_provisioned(service)
    return PlacedHold(**dict(HoldShape.of(newest)), service=shape)


@endpoint(
    "DELETE",
    "/services/<service_id>/holds/<hold_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=ServiceShape,
    event=Event("api.release_hold", "Released a hold on a service", "service"),
)
def release_hold(service_id: str, hold_id: str) -> ServiceShape:
    """Release a hold. The service reconnects once its last hold is released.

    An `overdue` hold stays until the bill is paid: the service is restored for 3 days instead.
    """
    command = ReleaseHold(service_id=service_id, hold_id=hold_id, **by_operator())
    return shape_when_provisioned(services().subscriber.release_hold(command))
