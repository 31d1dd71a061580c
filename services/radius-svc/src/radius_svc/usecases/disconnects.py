"""Disconnects a service because a person wants it, and waits to tell them the outcome."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from contracts.radius import DisconnectResult, DisconnectService
from servicekit import loading

from radius_svc.domain.change_rules import is_settled
from radius_svc.models import RadiusAccount
from radius_svc.queries.attempts import attempts_of_change
from radius_svc.usecases.following import rounds
from radius_svc.usecases.following.changes import request_kick
from radius_svc.usecases.following.sessions import count_live_sessions

if TYPE_CHECKING:
    from servicekit.runtime import Runtime  # imports nameko, which use cases do not

# Below the time after which the caller gives up (contracts: RPC_DEADLINE_SECONDS).
MAX_WAIT_SECONDS = 8.0
POLL_SECONDS = 0.02


def disconnect_service(runtime: Runtime, command: DisconnectService) -> DisconnectResult:
    """Disconnect the live sessions, and wait up to 8 seconds for the first round of requests.

    The dispatcher sends the requests. Raises NotFound for a service RADIUS does not know.
    """
    with runtime.transaction() as session:
        loading.get(session, RadiusAccount, command.service_id)
        change = request_kick(session, command.service_id, now=runtime.now())
        sessions = count_live_sessions(session, command.service_id)
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        with runtime.reading() as session:
            attempts = attempts_of_change(session, change.id)
            if rounds.had_a_round(session, change.id):
                break
    settled = [attempt for attempt in attempts if is_settled(attempt.outcome, attempt.error_cause)]
    return DisconnectResult(sessions=sessions, disconnected=len(settled) >= sessions, attempts=attempts)
