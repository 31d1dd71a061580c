"""router-svc: the ISP's routers (NASes)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from contracts.common import UNEDITED, Command, Edit, Event, Instant, LastEdit, Page, RouterId

SERVICE_NAME = "router"


class RouterStatus(StrEnum):
    ONLINE = "online"
    DISABLED = "disabled"


class SessionControl(StrEnum):
    """How a live session is updated when its service is suspended or restored (RFC 5176).

    DISCONNECT sends a Disconnect-Request, and the subscriber's router redials. COA sends a CoA-Request
    first, which needs no redial, and disconnects if that is refused or unanswered. Use COA only for routers
    known to apply Mikrotik-Address-List from a CoA-Request.
    """

    DISCONNECT = "disconnect"
    COA = "coa"


@dataclass(frozen=True)
class RouterView:
    """A router. It never contains the RADIUS secret."""

    id: RouterId
    version: int
    name: str
    status: RouterStatus
    nas_address: str
    coa_port: int
    session_control: SessionControl
    require_message_authenticator: bool
    created_at: Instant
    edit: LastEdit = UNEDITED


@dataclass(frozen=True, kw_only=True)
class RegisterRouter(Command):
    """Register a router that is already set up for RADIUS."""

    name: str
    nas_address: str
    radius_secret: str
    coa_port: int = 3799
    session_control: SessionControl = SessionControl.DISCONNECT
    require_message_authenticator: bool = True


@dataclass(frozen=True, kw_only=True)
class ChangeRouter(Edit):
    """None leaves a field as it is."""

    router_id: RouterId
    name: str | None = None
    status: RouterStatus | None = None
    nas_address: str | None = None
    radius_secret: str | None = None
    coa_port: int | None = None
    session_control: SessionControl | None = None
    require_message_authenticator: bool | None = None


@dataclass(frozen=True, kw_only=True)
class NasRegistered(Event, name="nas.registered.v1", consumers=("radius",)):
    """A router was registered, enabled or changed: it is a RADIUS client with these properties."""

    router: RouterView
    radius_secret_encrypted: str

    @property
    def subject(self) -> str:
        return self.router.id


@dataclass(frozen=True, kw_only=True)
class NasDeregistered(Event, name="nas.deregistered.v1", consumers=("radius",)):
    """A router was disabled: it is no longer a RADIUS client, and its packets are dropped."""

    router_id: RouterId
    version: int

    @property
    def subject(self) -> str:
        return self.router_id


class Router(Protocol):
    """RPC methods of router-svc."""

    def register_router(self, command: RegisterRouter) -> RouterView: ...

    def change_router(self, command: ChangeRouter) -> RouterView: ...

    def get_router(self, router_id: RouterId) -> RouterView: ...

    def list_routers(self, limit: int, after: str | None) -> Page[RouterView]: ...
