"""Which open sessions of a login count towards its limit of simultaneous sessions (Simultaneous-Use).

A session is open in radacct until something says that it ended, and after a power cut nothing does:
thousands of homes dial again while their old sessions still look open. So a session counts only if there is
evidence that it is alive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Three interim intervals of five minutes, and a minute for the third report to arrive.
ALIVE_FOR = timedelta(minutes=16)
_SPELLING = b":-. "


@dataclass(frozen=True, slots=True)
class Dial:
    """An attempt to log in, as the NAS reports it."""

    calling_station_id: str | None
    acct_session_id: str | None
    router_id: str | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """An open row of radacct. `heard_at` is when its NAS last reported it."""

    calling_station_id: str | None
    acct_session_id: str
    router_id: str | None
    heard_at: datetime


def exceeds_limit(sessions: Iterable[OpenSession], limit: int, dial: Dial, now: datetime) -> bool:
    """Whether the login already has `limit` sessions or more, not counting those this dial replaces."""
    return sum(1 for session in sessions if _counts(session, dial, now)) >= limit


def mac(calling_station_id: str | bytes | None) -> bytes | None:
    """The MAC address in one notation: 02:00:00:AA:BB:CC equals 02-00-00-aa-bb-cc. None if there is none."""
    if calling_station_id is None:
        return None
    octets = calling_station_id.encode() if isinstance(calling_station_id, str) else calling_station_id
    return octets.translate(None, _SPELLING).lower() or None


def boot_digit(acct_session_id: str | None) -> str | None:
    """The boot digit of a MikroTik session id: `81` for PPPoE, the boot digit, a counter of five digits.

    None if the id has another format.
    """
    if acct_session_id is None or len(acct_session_id) != 8 or acct_session_id[0] != "8":
        return None
    return acct_session_id[2].lower()


def _counts(session: OpenSession, dial: Dial, now: datetime) -> bool:
    if session.heard_at < now - ALIVE_FOR:
        return False
    if (station := mac(session.calling_station_id)) is not None and station == mac(dial.calling_station_id):
        return False  # the same home dials again, so its old session is over
    if session.router_id is None or session.router_id != dial.router_id:
        return True
    if session.acct_session_id == dial.acct_session_id:
        return False
    before, after = boot_digit(session.acct_session_id), boot_digit(dial.acct_session_id)
    return before is None or after is None or before == after
