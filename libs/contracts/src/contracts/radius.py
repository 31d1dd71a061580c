"""radius-svc: logins, sessions, usage, and what was asked of the NASes (RFC 2865, 2866, 5176)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from contracts.common import Command, Instant, Page, PaymentId, RouterId, ServiceId

SERVICE_NAME = "radius"

# The promise to subscribers: their service is back online at most this long after they pay.
RECONNECT_PROMISE_SECONDS = 30


class RequestKind(StrEnum):
    """PROBE: a CoA-Request that changes nothing and asks whether the session still lives."""

    COA = "coa"
    DISCONNECT = "disconnect"
    PROBE = "probe"


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


class RejectReason(StrEnum):
    """Why a login was refused. TOO_MANY_SESSIONS: as many as the service may have are on line.

    SECRET_MISMATCH: the password could not be read, as the NAS encrypts it with another secret than ours.
    NO_PASSWORD_STORED, PASSWORD_UNREADABLE: it is our side that cannot compare. UNSUPPORTED_METHOD: the NAS
    asked by a method that is not served, or that did not carry what it needs.
    """

    UNKNOWN_USER = "unknown_user"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a word, no password
    SUSPENDED = "suspended"
    NO_PASSWORD_STORED = "no_password_stored"  # noqa: S105 - a word, no password
    UNSUPPORTED_METHOD = "unsupported_method"
    PASSWORD_UNREADABLE = "password_unreadable"  # noqa: S105 - a word, no password
    TOO_MANY_SESSIONS = "too_many_sessions"
    SECRET_MISMATCH = "secret_mismatch"  # noqa: S105 - a word, no secret


@dataclass(frozen=True)
class SessionView:
    """A session as its NAS told it. `started_at` is None when its Start has not come (FreeRADIUS's rows).

    `ended_because` is set when it was closed without a Stop of the NAS: the evidence, in words.
    """

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
    ended_because: str | None = None


class SessionOrder(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    USERNAME = "username"


@dataclass(frozen=True)
class SessionQuery:
    """`text` is the beginning of a username, an IP address or a MAC address."""

    text: str | None = None
    open_only: bool = False
    service_id: ServiceId | None = None
    router_id: RouterId | None = None
    order: SessionOrder = SessionOrder.NEWEST


@dataclass(frozen=True)
class RejectView:
    """A login that was refused; `repeats` is how many times within the minute that this stands for.

    `service_id` is the service that has this login now, None if there is none. `reason` is None where nobody
    noted one (rows of FreeRADIUS).
    """

    id: str
    at: Instant
    username: str
    service_id: ServiceId | None
    calling_station_id: str | None
    called_station_id: str | None
    reason: RejectReason | None
    repeats: int


@dataclass(frozen=True)
class RejectQuery:
    """`text` is the beginning of a username or a MAC address.

    Of a service are those with its login, and those of the device that it was last on line with: somebody
    who mistypes the login there is looked for under the right one. `since` is the earliest moment;
    `since_on_line` asks of a service for those after its newest session began: what it has not got over yet.
    """

    text: str | None = None
    service_id: ServiceId | None = None
    since: Instant | None = None
    since_on_line: bool = False


@dataclass(frozen=True)
class UsageDay:
    """What went through on a day of the ISP's time zone, as the subscriber sees the direction."""

    date: date
    download_octets: int
    upload_octets: int


@dataclass(frozen=True)
class OnlineSample:
    at: Instant
    sessions: int


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
    """One case of a line that came back. `milliseconds` counts from paid_at (or released_at) to online_at.

    `how`: `redial` (a new session started after the release), `coa` (the live session was changed), or
    None while the line is not back.
    """

    id: str
    service_id: ServiceId
    username: str
    payment_id: PaymentId | None
    paid_at: Instant | None
    released_at: Instant
    authorized_at: Instant
    router_acked_at: Instant | None
    online_at: Instant | None
    milliseconds: int | None
    how: str | None


@dataclass(frozen=True)
class ReconnectBucket:
    """Cases that took longer than the bucket before and at most `up_to_milliseconds` (None: longer still)."""

    up_to_milliseconds: int | None
    cases: int


@dataclass(frozen=True)
class ReconnectTimes:
    """How long lines took to come back after a payment, among cases of the last `days` days.

    `waiting` counts those that are not back yet (nobody dialled, perhaps): they are in no bucket.
    """

    days: int
    cases: int
    waiting: int
    median_milliseconds: int | None
    p95_milliseconds: int | None
    slowest_milliseconds: int | None
    buckets: list[ReconnectBucket]


class LineEventKind(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    REQUEST = "request"


@dataclass(frozen=True)
class LineEvent:
    """Something that happened on a line, for a timeline.

    `detail` is the address given (ONLINE), the Acct-Terminate-Cause or the evidence (OFFLINE), or what the
    NAS answered (REQUEST, which also has `request`, `outcome` and, if it refused with one, the `error_cause`
    of RFC 5176 3.6).
    """

    at: Instant
    kind: LineEventKind
    service_id: ServiceId
    detail: str
    request: RequestKind | None = None
    outcome: RequestOutcome | None = None
    error_cause: int | None = None


@dataclass(frozen=True)
class NasActivity:
    """`version` is that of the router as RADIUS has it.

    `secret_mismatch_at` is when its last packet came that is signed with another secret than ours. It is None
    once well-signed ones have come for six minutes since, or we were given another secret. `also_well_signed`
    says that well-signed ones come too: a second sender at this address, or the secret was changed just now.
    """

    router_id: RouterId
    version: int
    health: NasHealth
    last_heard_at: Instant | None
    open_sessions: int
    secret_mismatch_at: Instant | None = None
    also_well_signed: bool = False


@dataclass(frozen=True, kw_only=True)
class DisconnectService(Command):
    service_id: ServiceId


class Radius(Protocol):
    """RPC methods of radius-svc."""

    def list_service_states(self, service_ids: list[ServiceId]) -> list[ServiceState]: ...

    def list_sessions(self, query: SessionQuery, limit: int, after: str | None) -> Page[SessionView]: ...

    def count_open_sessions(self) -> int: ...

    def list_rejects(self, query: RejectQuery, limit: int, after: str | None) -> Page[RejectView]:
        """The newest first."""
        ...

    def list_online_samples(self, hours: int) -> list[OnlineSample]:
        """How many sessions were open over the last `hours` hours, oldest first."""
        ...

    def list_usage(self, service_id: ServiceId, days: int) -> list[UsageDay]:
        """One for each of the last `days` days, today last."""
        ...

    def list_line_events(self, service_ids: list[ServiceId], limit: int) -> list[LineEvent]:
        """The newest first."""
        ...

    def disconnect_service(self, command: DisconnectService) -> DisconnectResult: ...

    def list_attempts(self, service_id: ServiceId, limit: int, after: str | None) -> Page[AttemptView]: ...

    def list_reconnects(
        self, service_id: ServiceId | None, limit: int, after: str | None
    ) -> Page[ReconnectView]:
        """Of one service, or with None of all."""
        ...

    def get_reconnect_times(self, days: int) -> ReconnectTimes: ...

    def list_nas_activity(self, router_ids: list[RouterId]) -> list[NasActivity]: ...
