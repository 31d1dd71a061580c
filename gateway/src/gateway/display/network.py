"""How the network is told on the screen: why a login was refused, what a router answered, secrets."""

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
        Words("No such login", "warn"),
        "Compare the username on the subscriber's device with the one here, letter by letter: case matters.",
    ),
    RejectReason.WRONG_PASSWORD: (
        Words("Wrong password", "warn"),
        "Type the password on the subscriber's device again, or set a new one on both sides.",
    ),
    RejectReason.SUSPENDED: (
        Words("Suspended", "quiet"),
        "The service is on hold. It is let in again once its last hold is released.",
    ),
    RejectReason.NO_PASSWORD_STORED: (
        Words("No password here", "bad"),
        "There is no password to compare with. Set the PPPoE password of the service again.",
    ),
    RejectReason.UNSUPPORTED_METHOD: (
        Words("Method not served", "warn"),
        "On the router, let the PPPoE server authenticate by PAP, CHAP, MS-CHAPv1 or MS-CHAPv2.",
    ),
    RejectReason.PASSWORD_UNREADABLE: (
        Words("Password unreadable", "bad"),
        "It was stored under another encryption key. Bring back keys.env, or set the password again.",
    ),
    RejectReason.TOO_MANY_SESSIONS: (
        Words("Already on line", "warn"),
        "Its sessions at a time are all in use. Kick the live one if it is stuck, or allow more.",
    ),
    RejectReason.SECRET_MISMATCH: (
        Words("Secret does not match", "bad"),
        "The router hides passwords with another RADIUS secret than the one here. Enter one on both sides.",
    ),
    None: (
        Words("Refused", "quiet"),
        "No reason was noted here: FreeRADIUS refused it, and its log has the reason.",
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
        times=f"{reject.repeats:,} times within a minute" if reject.repeats > 1 else "",
    )


def session_limit(limit: int | None) -> str:
    return "No limit" if limit is None else str(limit)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a router, and what to do. `alert` is the kind of box it is told in."""

    words: Words
    text: str
    advice: str
    alert: str


def secret_trouble(activity: NasActivity | None) -> Trouble | None:
    """A secret that differs looks like silence to the subscriber: nobody else would tell."""
    if activity is None or activity.secret_mismatch_at is None:
        return None
    last = ago(activity.secret_mismatch_at)
    if activity.also_well_signed:
        return Trouble(
            Words("Second secret seen", "warn"),
            "Some of its packets are signed with another RADIUS secret than the one here, the last one"
            f" {last}. Those are not answered; the others are.",
            "If you have just changed the secret, this goes by itself within minutes. Else look for a second"
            " entry with an old secret (/radius print), or for another router behind the same address.",
            "alert-warning",
        )
    return Trouble(
        Words("Secret does not match", "bad"),
        f"Its packets are signed with another RADIUS secret than the one here, the last one {last}."
        " They are not answered, so nobody can log in through it.",
        "Look at the secret on the router (/radius print) and enter the same one here.",
        "alert-danger",
    )


ASKED: dict[RequestKind | None, str] = {
    RequestKind.DISCONNECT: "disconnect",
    RequestKind.COA: "change of the session",
    RequestKind.PROBE: "question whether the session lives",
}


def what_was_asked(kind: RequestKind | None) -> str:
    return ASKED.get(kind, "request")


def attempt_in_words(attempt: AttemptView) -> str:
    """acknowledged; refused (404 Invalid-Request: ...); no answer"""
    if attempt.outcome is RequestOutcome.ACKED:
        return "acknowledged"
    if attempt.outcome is RequestOutcome.NACKED:
        return f"refused ({error_causes.in_words(attempt.error_cause)})"
    return attempt.detail or "no answer"


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
def duration(case: ReconnectView) -> str:
    """0.412 s"""
    if case.milliseconds is None:
        return "not back yet"
    if case.milliseconds < MINUTE:
        return f"{Decimal(case.milliseconds).scaleb(-3)} s"
    return seconds_short(case.milliseconds)


def bucket_words(bucket: ReconnectBucket) -> str:
    """up to 2 s"""
    if bucket.up_to_milliseconds is None:
        return "longer"
    return f"≤ {Decimal(bucket.up_to_milliseconds).scaleb(-3).normalize():f} s"


@template_filter
def router_status(router: RouterView, activity: NasActivity | None) -> Words:
    if router.status is RouterStatus.DISABLED:
        return Words("Disabled", "quiet")
    if activity is None:
        return Words("Not known now", "quiet")
    words = {
        NasHealth.CONNECTED: Words("Connected", "good"),
        NasHealth.SILENT: Words("Silent", "warn"),
        NasHealth.NEVER_HEARD: Words("Never heard from", "quiet"),
    }
    return words[activity.health]


@template_filter
def session_status(session: SessionView) -> Words:
    if session.stopped_at is None:
        return Words("Online", "good")
    return Words("Ended", "quiet")


@template_filter
def ended_because(session: SessionView) -> str:
    """Admin-Reset; the router stopped reporting it; nothing while it goes on."""
    if session.stopped_at is None:
        return ""
    return session.ended_because or session.terminate_cause or "cause unknown"


@template_filter
def reconnect_how(case: ReconnectView) -> str:
    words = {"redial": "dialled again", "coa": "live session changed"}
    return words.get(case.how or "", "waiting for the line")
