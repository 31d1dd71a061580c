"""The network in words for the screen: refused logins, router responses, secrets, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contracts.radius import (
    AttemptView,
    NasActivity,
    NasHealth,
    ReconnectBucket,
    ReconnectView,
    RejectReason,
    RejectView,
    RequestKind,
    RequestOutcome,
    SessionView,
)
from contracts.router import RouterStatus, RouterView

from gateway.display import error_causes
from gateway.display.times import MINUTE, ago, seconds_short
from gateway.display.words import Words, template_filter

REFUSED_BECAUSE: dict[RejectReason | None, tuple[Words, str]] = {
    RejectReason.UNKNOWN_USER: (
        Words("Unknown username", "warn"),
        "Check the username on the subscriber's device against the one here. Usernames are case-sensitive.",
    ),
    RejectReason.WRONG_PASSWORD: (
        Words("Wrong password", "warn"),
        "Enter the password again on the subscriber's device, or set a new one in both places.",
    ),
    RejectReason.SUSPENDED: (
        Words("Suspended", "quiet"),
        "The service is suspended. Logins work again once its last hold is released.",
    ),
    RejectReason.NO_PASSWORD_STORED: (
        Words("No password stored", "bad"),
        "There is no password to check the login against. Set the PPPoE password of the service again.",
    ),
    RejectReason.UNSUPPORTED_METHOD: (
        Words("Unsupported method", "warn"),
        "Set the PPPoE server on the router to use PAP, CHAP, MS-CHAPv1 or MS-CHAPv2.",
    ),
    RejectReason.PASSWORD_UNREADABLE: (
        Words("Password unreadable", "bad"),
        "The password was stored with another encryption key. Restore keys.env, or set the password again.",
    ),
    RejectReason.TOO_MANY_SESSIONS: (
        Words("Already online", "warn"),
        "All simultaneous sessions are in use. Disconnect the session if it is stuck, or allow more of them.",
    ),
    RejectReason.SECRET_MISMATCH: (
        Words("Secret mismatch", "bad"),
        "The router uses a different RADIUS secret. Enter the same secret here and on the router.",
    ),
    None: (
        Words("Refused", "quiet"),
        "FreeRADIUS refused this login and reported no reason. See the FreeRADIUS log.",
    ),
}


@dataclass(frozen=True)
class RefusedLogin:
    """A refused login as it is shown. `times` is empty for a single one."""

    at: datetime
    username: str
    service_id: str | None
    device: str
    called: str
    words: Words
    advice: str
    times: str


def refused_login(reject: RejectView) -> RefusedLogin:
    words, advice = REFUSED_BECAUSE[reject.reason]
    return RefusedLogin(
        at=reject.at,
        username=reject.username,
        service_id=reject.service_id,
        device=reject.calling_station_id or "",
        called=reject.called_station_id or "",
        words=words,
        advice=advice,
        times=f"{reject.repeats:,} times in one minute" if reject.repeats > 1 else "",
    )


def session_limit(limit: int | None) -> str:
    return "No limit" if limit is None else str(limit)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a router, and what to do. `alert` is the style of the box that shows it."""

    words: Words
    text: str
    advice: str
    alert: str


def secret_trouble(activity: NasActivity | None) -> Trouble | None:
    """None unless the router uses another secret. Subscribers only notice that logins fail, so say why."""
    if activity is None or activity.secret_mismatch_at is None:
        return None
    last = ago(activity.secret_mismatch_at)
    if activity.also_well_signed:
        return Trouble(
            Words("Two secrets in use", "warn"),
            "Some of its packets are signed with a different RADIUS secret than the one entered here, most"
            f" recently {last}. Those packets are ignored; the others are answered.",
            "If you just changed the secret, this clears automatically within minutes. Otherwise, look for a"
            " second entry with an old secret (/radius print), or another router behind the same address.",
            "alert-warning",
        )
    return Trouble(
        Words("Secret mismatch", "bad"),
        "Its packets are signed with a different RADIUS secret than the one entered here, most recently"
        f" {last}. They are ignored, so nobody can log in through this router.",
        "Check the secret on the router (/radius print) and enter the same one here.",
        "alert-danger",
    )


ASKED: dict[RequestKind | None, str] = {
    RequestKind.DISCONNECT: "disconnect request",
    RequestKind.COA: "session change",
    RequestKind.PROBE: "session check",
}


def what_was_asked(kind: RequestKind | None) -> str:
    return ASKED.get(kind, "request")


def attempt_in_words(attempt: AttemptView) -> str:
    """acknowledged; refused (404 Invalid-Request: ...); no response"""
    if attempt.outcome is RequestOutcome.ACKED:
        return "acknowledged"
    if attempt.outcome is RequestOutcome.NACKED:
        return f"refused ({error_causes.in_words(attempt.error_cause)})"
    return attempt.detail or "no response"


@template_filter
def speed(kbps: int) -> str:
    """50 Mbps; 512 kbps; 1.5 Gbps"""
    for unit, size in (("Gbps", 1_000_000), ("Mbps", 1_000)):
        if kbps >= size:
            return f"{(Decimal(kbps) / size).normalize():f} {unit}"
    return f"{kbps} kbps"


@template_filter
def octets(count: int) -> str:
    """1.5 GB"""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{Decimal(count) / size:.1f} {unit}"
    return f"{count} B"


@template_filter
def reconnect_began(case: ReconnectView) -> datetime:
    """When a reconnect's time begins to count."""
    return case.paid_at or case.released_at


@template_filter
def duration(case: ReconnectView) -> str:
    """0.412 s"""
    if case.milliseconds is None:
        return "Not online yet"
    if case.milliseconds < MINUTE:
        return f"{Decimal(case.milliseconds).scaleb(-3)} s"
    return seconds_short(case.milliseconds)


def bucket_words(bucket: ReconnectBucket) -> str:
    """≤ 2 s; longer"""
    if bucket.up_to_milliseconds is None:
        return "longer"
    return f"≤ {Decimal(bucket.up_to_milliseconds).scaleb(-3).normalize():f} s"


@template_filter
def router_status(router: RouterView, activity: NasActivity | None) -> Words:
    if router.status is RouterStatus.DISABLED:
        return Words("Disabled", "quiet")
    if activity is None:
        return Words("Unknown", "quiet")
    words = {
        NasHealth.CONNECTED: Words("Connected", "good"),
        NasHealth.SILENT: Words("Silent", "warn"),
        NasHealth.NEVER_HEARD: Words("Never seen", "quiet"),
    }
    return words[activity.health]


@template_filter
def session_status(session: SessionView) -> Words:
    if session.stopped_at is None:
        return Words("Payment page only", "warn") if session.suspended else Words("Online", "good")
    return Words("Ended", "quiet")


@template_filter
def ended_because(session: SessionView) -> str:
    """Connection lost; the router stopped reporting it; empty while the session is open."""
    if session.stopped_at is None:
        return ""
    return session.ended_because or terminate_cause(session.terminate_cause or "") or "Reason unknown"


# The values of Acct-Terminate-Cause (RFC 2866, section 5.10) that a PPPoE server reports.
TERMINATE_CAUSES = {
    "User-Request": "Disconnected by the subscriber's device",
    "Lost-Carrier": "Connection lost",
    "Lost-Service": "Connection lost",
    "Idle-Timeout": "Idle for too long",
    "Session-Timeout": "Time limit reached",
    "Admin-Reset": "Disconnected by the office",
    "Admin-Reboot": "Router restarted by the office",
    "Port-Error": "Port error on the router",
    "NAS-Error": "Router error",
    "NAS-Request": "Disconnected by the router",
    "NAS-Reboot": "Router restarted",
    "Service-Unavailable": "Service unavailable on the router",
    "User-Error": "Error on the subscriber's device",
}


def terminate_cause(cause: str) -> str:
    """Why a session ended, as its router reported it; any other text is returned unchanged."""
    return TERMINATE_CAUSES.get(cause, cause)


@template_filter
def reconnect_how(case: ReconnectView) -> str:
    words = {"redial": "Reconnected", "coa": "Session updated"}
    return words.get(case.how or "", "Waiting to reconnect")
