"""Routers: the input to add or change one."""

from __future__ import annotations

from typing import Annotated

from contracts.common import InvalidInput
from contracts.router import ChangeRouter, RegisterRouter, RouterStatus, RouterView, SessionControl

from gateway.resources.edits import EditInput, texts_of
from gateway.resources.fields import Input, Name, Origin, Port, Secret, Text, Trimmed, one_of, optional

MANUAL = "manual"
NOT_YET = (
    "onboarding of a router by pasted commands is not there yet; "
    'send "connection": "manual" with nas_address and radius_secret'
)
Control = Annotated[SessionControl, one_of(SessionControl)]
Status = Annotated[RouterStatus, one_of(RouterStatus)]


class NewRouter(Input):
    """`connection` must be "manual", and `nas_address` and `radius_secret` are required."""

    name: Name
    connection: Text | None = None
    nas_address: Trimmed | None = None
    radius_secret: Text | None = None
    coa_port: Port = 3799
    session_control: Control = SessionControl.DISCONNECT
    require_message_authenticator: bool = True

    def command(self, origin: Origin) -> RegisterRouter:
        """Raises InvalidInput if the connection is not manual or lacks its fields."""
        if self.connection != MANUAL:
            raise InvalidInput.of("connection", NOT_YET)
        fields = dict(self)
        del fields["connection"]
        for name in ("nas_address", "radius_secret"):
            if fields[name] is None:
                raise InvalidInput.of(name, "is required for a manual connection")
        return RegisterRouter(**fields, **origin)


class RouterChange(EditInput):
    name: Name = optional()
    status: Status = optional()
    nas_address: Trimmed = optional()
    radius_secret: Secret = optional()
    coa_port: Port = optional()
    session_control: Control = optional()
    require_message_authenticator: bool = optional()

    def command(self, router_id: str, origin: Origin) -> ChangeRouter:
        return ChangeRouter(router_id=router_id, **self.given(), **origin)

    @staticmethod
    def texts(router: RouterView) -> dict[str, str]:
        """The fields of a router as its form shows them."""
        return texts_of(RouterChange, router)
