"""PPPoE sessions on the simulated router, and what a dial-in ends with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The result of a dial-in."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"  # includes forged answers: a router drops them and keeps waiting
    SERVER_NOT_GENUINE = "server_not_genuine"  # MS-CHAP2-Success does not prove the password


@dataclass(eq=False)
class NasSession:
    """One PPPoE session. Octets are counted from the subscriber's point of view."""

    username: str
    acct_session_id: str
    nas_port: int
    calling_station_id: str
    framed_ip_address: str
    rate_limit: str | None
    address_list: str | None
    radius_class: bytes | None
    interim_seconds: float | None
    session_timeout_seconds: float | None
    mppe_keys: tuple[bytes, bytes] | None = field(repr=False)
    started_at: float  # time.monotonic()
    upload_octets: int = 0
    download_octets: int = 0
    ended_by: str | None = None  # Acct-Terminate-Cause
    next_interim_at: float | None = None

    @property
    def online(self) -> bool:
        return self.ended_by is None


@dataclass(frozen=True)
class Dial:
    """The result of one dial-in. `error` is the text of MS-CHAP-Error or Reply-Message."""

    outcome: Outcome
    session: NasSession | None = None
    error: str = ""
    attributes: dict[str, list[Any]] = field(default_factory=dict)
