"""When a session's silence is its own: of its router and of ourselves we have heard all the while.

RFC 2866 has no word for a session whose Stop was lost. What is left is that it stopped reporting; but so does
every session of a router that is down or cut off, and every session at all while we are down ourselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MISSED_INTERIMS = 3
# What routers are told to use, and the least that is believed: a report a moment late is no silence.
LEAST_INTERVAL = timedelta(seconds=300)
# A report is under way, sent again, and written down with many others.
ALLOWANCE = timedelta(seconds=60)
# A router with sessions reports at least every interval. A pause longer than this is the router's, or ours.
LONGEST_PAUSE = LEAST_INTERVAL * 3 // 2
# The job looks once a minute. What was between two looks further apart is not known.
LOOKS_APART = timedelta(minutes=4)


@dataclass(frozen=True)
class Hearing:
    """A router is heard without a pause since `steady_since`, as far as is known at `looked_at`."""

    steady_since: datetime
    looked_at: datetime


@dataclass(frozen=True)
class Silence:
    """A session that is open, as its reports tell of it.

    `told_seconds` is the Acct-Interim-Interval its login is given, `measured_seconds` what FreeRADIUS found
    between two reports (radacct.acctinterval).
    """

    last_heard_at: datetime
    has_reported: bool
    told_seconds: int | None = None
    measured_seconds: int | None = None


def hearing_at(known: Hearing | None, *, last_report_at: datetime, now: datetime) -> Hearing | None:
    """What is known of a router after this look; None if it is not heard now.

    `last_report_at` is the newest interim report of any of its sessions. A clock that was moved, or a time in
    which nobody looked, makes it begin anew.
    """
    if not -ALLOWANCE <= now - last_report_at <= LONGEST_PAUSE:
        return None
    if known is None or not timedelta(0) <= now - known.looked_at <= LOOKS_APART:
        return Hearing(steady_since=now, looked_at=now)
    return Hearing(steady_since=known.steady_since, looked_at=now)


def patience(silence: Silence) -> timedelta:
    """How long a session may be silent: three of its intervals, the longest anybody knows of."""
    seconds = max(silence.told_seconds or 0, silence.measured_seconds or 0)
    return MISSED_INTERIMS * max(LEAST_INTERVAL, timedelta(seconds=seconds)) + ALLOWANCE


def is_over(silence: Silence, hearing: Hearing | None, now: datetime) -> bool:
    """Whether the session missed three reports while its router was heard without a pause.

    One that has never sent an interim report is believed to send them only if it was told to. (That others of
    its router do, `hearing` says.)
    """
    if hearing is None or not (silence.has_reported or silence.told_seconds):
        return False
    waited = patience(silence)
    return now - silence.last_heard_at > waited and now - hearing.steady_since > waited
