"""Services: add, show, change and terminate them."""

from __future__ import annotations

from contracts.subscriber import RevealedPassword, RevealPassword, TerminateService

from gateway.api.routing import by_operator, endpoint, renaming
from gateway.api.services.shapes import ServiceShape, service_shape, shape_when_provisioned
from gateway.api.shapes import Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.clients.lookups import states_of
from gateway.http.access import Permission
from gateway.resources.edits import save
from gateway.resources.fields import Input
from gateway.resources.services import NewServiceInput, ServiceChange, own_field_name


@endpoint(
    "POST",
    "/subscribers/<subscriber_id>/services",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=NewServiceInput,
    answer=ServiceShape,
    status=201,
    event=Event("api.add_service", "Added a service", "subscriber"),
)
@renaming(own_field_name)
def add_service(subscriber_id: str, body: NewServiceInput) -> ServiceShape:
    """Add a service to a subscriber. Its login works immediately."""
    command = body.command(subscriber_id, by_operator())
    return shape_when_provisioned(services().subscriber.add_service(command))


@endpoint("GET", "/services/<service_id>", permission=Permission.VIEW_SUBSCRIBERS, answer=ServiceShape)
def get_service(service_id: str) -> ServiceShape:
    """Show a service with its active holds and its live session."""
    service = services().subscriber.get_service(service_id)
    return service_shape(service, states_of([service]).get(service.id))


@endpoint(
    "PATCH",
    "/services/<service_id>",
    permission=Permission.EDIT_SUBSCRIBERS,
    body=ServiceChange,
    answer=ServiceShape,
    event=Event("api.change_service", "Changed a service", "service"),
)
@renaming(own_field_name)
def change_service(service_id: str, body: ServiceChange) -> ServiceShape:
    """Change a service. RADIUS uses the change immediately."""
    subscriber = services().subscriber
    changed = save(
        body,
        lambda: subscriber.change_service(body.command(service_id, by_operator())),
        lambda: subscriber.get_service(service_id),
        body.texts,
    )
    return shape_when_provisioned(changed)


@endpoint(
    "POST",
    "/services/<service_id>/terminate",
    permission=Permission.EDIT_SUBSCRIBERS,
    answer=ServiceShape,
    event=Event("api.terminate_service", "Terminated a service", "service"),
)
def terminate_service(service_id: str) -> ServiceShape:
    """Terminate a service for good: its login is refused and it is no longer billed."""
    command = TerminateService(service_id=service_id, **by_operator())
    return shape_when_provisioned(services().subscriber.terminate_service(command))


class PasswordShape(Shape):
    service_id: str
    pppoe_username: str
    pppoe_password: str


@endpoint(
    "POST",
    "/services/<service_id>/reveal-password",
    permission=Permission.REVEAL_PASSWORDS,
    body=Input,
    answer=PasswordShape,
    keeps_answer=False,
    event=Event("api.reveal_service_password", "Viewed a PPPoE password", "service"),
)
def reveal_service_password(service_id: str, body: Input) -> RevealedPassword:  # noqa: ARG001
    """Show the PPPoE password of a service. The audit log records who did."""
    return services().subscriber.reveal_password(RevealPassword(service_id=service_id, **by_operator()))
