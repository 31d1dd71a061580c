"""radius-svc: logins, sessions, usage, and what was asked of the NASes (RFC 2865, 2866, 5176)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from contracts.common import Command, Instant, Page, PaymentId, RouterId, ServiceId

SERVICE_NAME = "radius"


class RequestKind(StrEnum):
    COA = "coa"
    DISCONNECT = "disconnect"


class RequestOutcome(StrEnum):
    """ACKED: the NAS did it. NACKED: it refused, see the error cause. TIMED_OUT: no answer."""

    ACKED = "acked"
    NACKED = "nacked"
    TIMED_OUT = "timed_out"


class NasHealth(StrEnum):
    """By the last RADIUS packet heard: CONNECTED at most 15 minutes ago, SILENT longer, NEVER_HEARD."""

    CONNECTED = "connected"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"


@dataclass(frozen=True)
class SessionView:
    """A session as its NAS told it. `started_at` is None when its Start has not come (FreeRADIUS's rows)."""

    id: str
    username: str
    service_id: ServiceId | None
    router_id: RouterId | None
    acct_session_id: str
    framed_ip_address: str | None
    calling_station_id: str | None
    started_at: Instant | None
    updated_at: Instant | None
    stopped_at: Instant | None
    input_octets: int
    output_octets: int
    terminate_cause: str | None


@dataclass(frozen=True)
class AttemptView:
    """One CoA-Request or Disconnect-Request and what came of it."""

    kind: RequestKind
    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: Instant
    answered_at: Instant | None


@dataclass(frozen=True)
class DisconnectResult:
    """`disconnected` is true when no session of the service is left that did not acknowledge."""

    sessions: int
    disconnected: bool
    attempts: list[AttemptView]


@dataclass(frozen=True)
class ServiceState:
    """What RADIUS knows of a service. `provisioned` means the next dial gets this `version`'s answer."""

    service_id: ServiceId
    version: int
    provisioned: bool
    session: SessionView | None


@dataclass(frozen=True)
class ReconnectView:
    """One case of a line that came back. `seconds` counts from paid_at (or released_at) to online_at.

    `how`: `redial` (a new session started after the release), `coa` (the live session was changed), or
    None while the line is not back.
    """

    id: str
    service_id: ServiceId
    payment_id: PaymentId | None
    paid_at: Instant | None
    released_at: Instant
    authorized_at: Instant
    router_acked_at: Instant | None
    online_at: Instant | None
    milliseconds: int | None
    how: str | None


@dataclass(frozen=True)
class NasActivity:
    router_id: RouterId
    health: NasHealth
    last_heard_at: Instant | None
    open_sessions: int


@dataclass(frozen=True, kw_only=True)
class DisconnectService(Command):
    service_id: ServiceId


class Radius(Protocol):
    """RPC methods of radius-svc."""

    def list_service_states(self, service_ids: list[ServiceId]) -> list[ServiceState]: ...

    def list_sessions(
        self, open_only: bool, service_id: ServiceId | None, limit: int, after: str | None
    ) -> Page[SessionView]: ...

    def count_open_sessions(self) -> int: ...

    def disconnect_service(self, command: DisconnectService) -> DisconnectResult: ...

    def list_attempts(self, service_id: ServiceId, limit: int, after: str | None) -> Page[AttemptView]: ...

    def list_reconnects(
        self, service_id: ServiceId, limit: int, after: str | None
    ) -> Page[ReconnectView]: ...

    def list_nas_activity(self, router_ids: list[RouterId]) -> list[NasActivity]: ...
