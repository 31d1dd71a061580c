"""radius-svc: logins, sessions, usage and requests to NASes (RFC 2865, 2866, 5176)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from contracts.common import Command, Instant, Page, PaymentId, RouterId, ServiceId

SERVICE_NAME = "radius"

# What we promise subscribers: a suspended service is back online within this time after they pay.
RECONNECT_PROMISE_SECONDS = 30


class RequestKind(StrEnum):
    """PROBE: a CoA-Request that changes nothing, sent to find out whether a session still exists."""

    COA = "coa"
    DISCONNECT = "disconnect"
    PROBE = "probe"


class RequestOutcome(StrEnum):
    """ACKED: the NAS complied. NACKED: it refused; see the error cause. TIMED_OUT: it did not answer."""

    ACKED = "acked"
    NACKED = "nacked"
    TIMED_OUT = "timed_out"


class NasHealth(StrEnum):
    """When the last RADIUS packet came: CONNECTED up to 15 minutes ago, SILENT earlier, NEVER_HEARD never."""

    CONNECTED = "connected"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"


class RejectReason(StrEnum):
    """Why a login was refused.

    TOO_MANY_SESSIONS: the service already has as many online sessions as its limit allows.
    SECRET_MISMATCH: the password is unreadable because the NAS uses a different RADIUS secret.
    NO_PASSWORD_STORED, PASSWORD_UNREADABLE: our copy of the password is missing or cannot be decrypted.
    UNSUPPORTED_METHOD: the NAS used an authentication method that is not supported, or an incomplete one.
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
    """A session as its NAS reported it.

    `started_at` is None if no Start was received (rows written by FreeRADIUS). `ended_because` is set if the
    session was closed without a Stop from the NAS, and says on what evidence. `suspended`: it is open and its
    service is suspended, so it reaches only the payment page, or is about to be disconnected.
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
    suspended: bool = False


class SessionOrder(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    USERNAME = "username"


@dataclass(frozen=True)
class SessionQuery:
    """`text` is the beginning of a username, IP address or MAC address."""

    text: str | None = None
    open_only: bool = False
    service_id: ServiceId | None = None
    router_id: RouterId | None = None
    order: SessionOrder = SessionOrder.NEWEST


@dataclass(frozen=True)
class RejectView:
    """A refused login. `repeats` is how many refusals within a minute this row represents.

    `service_id` is the service that has this username now, or None. `reason` is None if it was not recorded
    (rows written by FreeRADIUS).
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
    """`text` is the beginning of a username or MAC address.

    `service_id` selects refusals of the service's username and of the device it was last online with, so
    that a mistyped username is found too. `since` is the earliest time. With `since_on_line`, only refusals
    after the service's latest session began are returned: those that still keep it offline.
    """

    text: str | None = None
    service_id: ServiceId | None = None
    since: Instant | None = None
    since_on_line: bool = False


@dataclass(frozen=True)
class UsageDay:
    """Traffic of one day in the ISP's time zone. Download and upload are the subscriber's."""

    date: date
    download_octets: int
    upload_octets: int


# How often open sessions are counted. A longer time without a sample is unknown.
ONLINE_SAMPLE_SECONDS = 300


@dataclass(frozen=True)
class OnlineSample:
    """How many sessions were open at `at`."""

    at: Instant
    sessions: int


@dataclass(frozen=True)
class AttemptView:
    """One CoA-Request or Disconnect-Request and its outcome."""

    kind: RequestKind
    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: Instant
    answered_at: Instant | None


@dataclass(frozen=True)
class DisconnectResult:
    """`disconnected` is true if every session of the service was acknowledged as ended."""

    sessions: int
    disconnected: bool
    attempts: list[AttemptView]


@dataclass(frozen=True)
class ServiceState:
    """A service as RADIUS knows it. `provisioned` means that the next login gets this `version`."""

    service_id: ServiceId
    version: int
    provisioned: bool
    session: SessionView | None


@dataclass(frozen=True)
class ReconnectView:
    """One reconnect of a service after its last hold was released.

    `milliseconds` is the time from `paid_at` (or `released_at`) to `online_at`. `how` is `redial` (a new
    session started), `coa` (the live session was changed), or None while the service is not back.
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
    """Reconnects slower than the previous bucket, up to `up_to_milliseconds` (None: no upper limit)."""

    up_to_milliseconds: int | None
    cases: int


@dataclass(frozen=True)
class ReconnectTimes:
    """How long services took to reconnect after a payment in the last `days` days.

    `waiting` counts those that are not back yet, perhaps because no one dialed. They are in no bucket.
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
    """An event on a service's timeline.

    `detail` is the assigned address (ONLINE), the Acct-Terminate-Cause or evidence (OFFLINE), or the answer
    of the NAS (REQUEST). A REQUEST also has `request`, `outcome` and, if the NAS refused with one, the
    `error_cause` (RFC 5176 section 3.6).
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
    """What RADIUS hears from a router. `version` is the version of the router that RADIUS has.

    `secret_mismatch_at` is when the last packet signed with a different secret came. It is None again after
    six minutes of correctly signed packets, or when the secret is changed here. `also_well_signed` means
    that correctly signed packets come too: there is a second sender at this address, or the secret was
    changed a moment ago.
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
    """End every live session of a service. Its router may redial at once."""

    service_id: ServiceId


class Radius(Protocol):
    """RPC methods of radius-svc."""

    def list_service_states(self, service_ids: list[ServiceId]) -> list[ServiceState]: ...

    def list_sessions(self, query: SessionQuery, limit: int, after: str | None) -> Page[SessionView]: ...

    def count_open_sessions(self) -> int: ...

    def list_rejects(self, query: RejectQuery, limit: int, after: str | None) -> Page[RejectView]:
        """Refused logins, newest first."""
        ...

    def list_online_samples(self, hours: int) -> list[OnlineSample]:
        """The number of open sessions over the last `hours` hours, oldest first."""
        ...

    def list_usage(self, service_id: ServiceId, days: int) -> list[UsageDay]:
        """One item for each of the last `days` days, ending with today."""
        ...

    def list_line_events(self, service_ids: list[ServiceId], limit: int) -> list[LineEvent]:
        """Events of these services, newest first."""
        ...

    def disconnect_service(self, command: DisconnectService) -> DisconnectResult: ...

    def list_attempts(self, service_id: ServiceId, limit: int, after: str | None) -> Page[AttemptView]: ...

    def list_reconnects(
        self, service_id: ServiceId | None, limit: int, after: str | None
    ) -> Page[ReconnectView]:
        """Reconnects of one service, or of all services if `service_id` is None."""
        ...

    def get_reconnect_times(self, days: int) -> ReconnectTimes: ...

    def list_nas_activity(self, router_ids: list[RouterId]) -> list[NasActivity]: ...
