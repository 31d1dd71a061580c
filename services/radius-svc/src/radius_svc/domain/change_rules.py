"""How a live session is made to follow its service: which requests, in which order, how often."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.radius import RequestKind, RequestOutcome
from contracts.router import SessionControl

# The Class that suspended logins are accepted with (RFC 2865 section 5.25). NASes return it in accounting, so
# a session that still has it after its service was restored must dial again.
SUSPENDED_CLASS = "isp-suspended"
# Class is octets. radacct.class contains them in hexadecimal, as FreeRADIUS writes them.
SUSPENDED_CLASS_IN_RADACCT = "0x" + SUSPENDED_CLASS.encode().hex()

# RFC 5176 section 3.5: the NAS has no such session. It is gone, which is what was wanted.
SESSION_CONTEXT_NOT_FOUND = 503

# A router may be down for days, so the last pause is repeated. 200 rounds take more than a week.
PAUSES_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
MAX_ROUNDS = 200


def requests_for(
    *, rate_only: bool, kick: bool, must_redial: bool, control: SessionControl
) -> list[RequestKind]:
    """The requests to try, in order.

    A speed is changed by CoA. A suspension or restore starts with the disconnect, because a new Start proves
    that it worked, unless the router is known to apply address lists from a CoA. A CoA cannot express that a
    login is refused, or has another name or address.
    """
    if kick or must_redial:
        return [RequestKind.DISCONNECT]
    if rate_only or control is SessionControl.COA:
        return [RequestKind.COA, RequestKind.DISCONNECT]
    return [RequestKind.DISCONNECT]


def is_settled(outcome: RequestOutcome, error_cause: int | None) -> bool:
    """Whether the session needs no more requests: the NAS obeyed, or has no such session."""
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
    """Whether a live session was let in under an older authorization than the one in force.

    It was if it started earlier, or if its start is unknown. It also was if it has the suspended Class
    although the service is active: then it was let in just before the change, and its Start came just after.
    """
    if started_at is None or started_at < authorized_at:
        return True
    return session_class == SUSPENDED_CLASS_IN_RADACCT and not suspended and not fence_lifted_by_coa


def pause_before_round(rounds: int) -> timedelta | None:
    """How long to wait after `rounds` failed rounds; None when it is time to give up."""
    if rounds > MAX_ROUNDS:
        return None
    return timedelta(seconds=PAUSES_SECONDS[min(rounds, len(PAUSES_SECONDS)) - 1])


# How far back probes of a login count.
PROBES_COUNTED = timedelta(hours=1)
FEW_PROBES = 5


def pause_before_probe(probes: int) -> timedelta:
    """How long to wait before the next probe of a login, after this many probes within the last hour.

    A login that two homes share is refused again and again. Its router need not be asked every minute.
    """
    return timedelta(minutes=1) if probes < FEW_PROBES else timedelta(minutes=10)
