"""How a live session is made to follow its service: which requests, in which order, how often."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.radius import RequestKind, RequestOutcome
from contracts.router import SessionControl

# The Class that suspended logins are accepted with (RFC 2865 5.25). NASes give it back in accounting: a
# session that still carries it after its service was restored is one that must redial.
SUSPENDED_CLASS = "isp-suspended"
# Class is octets; radacct.class holds them in hexadecimal, as FreeRADIUS writes them.
SUSPENDED_CLASS_IN_RADACCT = "0x" + SUSPENDED_CLASS.encode().hex()

# RFC 5176 3.5: the NAS has no such session. So it is gone, which is what was wanted.
SESSION_CONTEXT_NOT_FOUND = 503

# A router may be out for days; the last pause is repeated. 200 rounds are more than a week.
PAUSES_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
MOST_ROUNDS = 200


def requests_for(
    *, rate_only: bool, kick: bool, must_redial: bool, control: SessionControl
) -> list[RequestKind]:
    """The requests to try, first to last.

    A speed is changed by CoA. A suspension or a restore goes straight to the disconnect, which a new
    Start proves, unless the router is known to apply address lists from a CoA. A login that is refused
    from now on, another name or another address cannot be expressed by a CoA.
    """
    if kick or must_redial:
        return [RequestKind.DISCONNECT]
    if rate_only or control is SessionControl.COA:
        return [RequestKind.COA, RequestKind.DISCONNECT]
    return [RequestKind.DISCONNECT]


def is_settled(outcome: RequestOutcome, error_cause: int | None) -> bool:
    """Whether the session needs no further request: the NAS did it, or has no such session."""
    gone = outcome is RequestOutcome.NACKED and error_cause == SESSION_CONTEXT_NOT_FOUND
    return outcome is RequestOutcome.ACKED or gone


def must_follow(
    *,
    started_at: datetime | None,
    authorized_at: datetime,
    session_class: str | None,
    suspended: bool,
    fence_lifted_by_coa: bool,
) -> bool:
    """Whether a live session was let in under an older authorisation than the one in force.

    It was, if it began before; or if it carries the suspended Class although the service is up, which
    happens when it was let in a moment before and its Start came a moment after. One of which nobody knows
    when it began counts as older.
    """
    if started_at is None or started_at < authorized_at:
        return True
    return session_class == SUSPENDED_CLASS_IN_RADACCT and not suspended and not fence_lifted_by_coa


def pause_before_round(rounds: int) -> timedelta | None:
    """How long to wait after `rounds` fruitless rounds; None when it is time to give up."""
    if rounds > MOST_ROUNDS:
        return None
    return timedelta(seconds=PAUSES_SECONDS[min(rounds, len(PAUSES_SECONDS)) - 1])


# How far back probes of one login count.
PROBES_COUNTED = timedelta(hours=1)
FEW_PROBES = 5


def pause_before_probe(probes: int) -> timedelta:
    """How long to wait with the next one after so many within the last hour.

    A login that two homes use is refused for ever, and its router need not be asked every minute.
    """
    return timedelta(minutes=1) if probes < FEW_PROBES else timedelta(minutes=10)
