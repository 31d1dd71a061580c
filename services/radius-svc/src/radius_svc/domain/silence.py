"""When a session that stopped reporting is over.

RFC 2866 does not say what to do with a session whose Stop was lost. The only sign is that it stops reporting.
But all sessions of a router that is down or unreachable do, and all sessions while this server is down. So a
session's silence counts only while its router is heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MISSED_INTERIMS = 3
# The interval that routers are configured to use, and the shortest that is assumed.
MIN_INTERVAL = timedelta(seconds=300)
# For a report to arrive, to be retransmitted, and to be written in a batch.
ALLOWANCE = timedelta(seconds=60)
# A router with sessions reports at least once per interval. A longer pause means that the router, or this
# server, was down.
MAX_PAUSE = MIN_INTERVAL * 3 // 2
# The job checks once a minute. What happened between checks that are further apart is unknown.
MAX_CHECK_INTERVAL = timedelta(minutes=4)


@dataclass(frozen=True)
class Hearing:
    """A router has reported without a pause since `steady_since`, as of the check at `looked_at`."""

    steady_since: datetime
    looked_at: datetime


@dataclass(frozen=True)
class Silence:
    """What is known of the reports of an open session.

    `configured_seconds` is the Acct-Interim-Interval sent to its login. `measured_seconds` is the time
    between its last two reports as FreeRADIUS measured it (radacct.acctinterval).
    """

    last_heard_at: datetime
    has_reported: bool
    configured_seconds: int | None = None
    measured_seconds: int | None = None


def hearing_at(known: Hearing | None, *, last_report_at: datetime, now: datetime) -> Hearing | None:
    """What is known of a router after a check at `now`; None if it is not reporting.

    `last_report_at` is the newest interim report of any of its sessions. If the clock was moved, or the last
    check was too long ago, the steady period starts again.
    """
    if not -ALLOWANCE <= now - last_report_at <= MAX_PAUSE:
        return None
    if known is None or not timedelta(0) <= now - known.looked_at <= MAX_CHECK_INTERVAL:
        return Hearing(steady_since=now, looked_at=now)
    return Hearing(steady_since=known.steady_since, looked_at=now)


def patience(silence: Silence) -> timedelta:
    """How long a session may be silent: three times its longest known interval, and a minute."""
    seconds = max(silence.configured_seconds or 0, silence.measured_seconds or 0)
    return MISSED_INTERIMS * max(MIN_INTERVAL, timedelta(seconds=seconds)) + ALLOWANCE


def is_over(silence: Silence, hearing: Hearing | None, now: datetime) -> bool:
    """Whether the session missed three reports while its router reported without a pause.

    A session that has never sent an interim report is expected to send them only if its login is configured
    to.
    """
    if hearing is None or not (silence.has_reported or silence.configured_seconds):
        return False
    waited = patience(silence)
    return now - silence.last_heard_at > waited and now - hearing.steady_since > waited
