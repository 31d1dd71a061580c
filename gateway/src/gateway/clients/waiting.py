"""Waiting, for at most two seconds, until RADIUS or billing has handled the event of a command.

A command has succeeded once its own service says so. The other services learn about it by event, a few
milliseconds later. Responding only then saves every caller a polling loop. If the other service is down, the
wait ends at once and the response contains what is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from contracts.billing import AllocationView
from contracts.radius import NasActivity, ServiceState
from contracts.router import RouterStatus, RouterView
from contracts.subscriber import ServiceView

from gateway.clients.answers import UNAVAILABLE_ERRORS
from gateway.clients.context import current
from gateway.clients.lookups import is_provisioned
from gateway.clients.services import Clients

WAIT_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.005
MAX_PAUSE_SECONDS = 0.1

Answer = TypeVar("Answer")


def poll(
    service: str,
    ask: Callable[[Clients], Answer],
    is_enough: Callable[[Answer], bool],
    nothing: Answer,
) -> Answer:
    """Call `ask`, of `service`, until `is_enough` accepts its answer, for at most two seconds.

    The first call is made when the answer is usually there. Returns the last answer, or `nothing` if there
    was none.
    """
    usual, started = current().usual_waits[service], time.monotonic()
    deadline = started + WAIT_SECONDS
    pause = max(FIRST_PAUSE_SECONDS, usual.seconds / 4)
    tries, answer = 0, nothing
    if usual.seconds > FIRST_PAUSE_SECONDS:
        time.sleep(usual.seconds)
    while (left := deadline - time.monotonic()) > 0:
        tries += 1
        try:
            answer = ask(Clients(current().transport, left))
        except UNAVAILABLE_ERRORS:
            return answer
        if is_enough(answer):
            usual.learn(time.monotonic() - started, tries=tries)
            return answer
        time.sleep(min(pause, left))
        pause = min(pause * 2, max(pause, MAX_PAUSE_SECONDS))
    return answer


def wait_for_radius(services: Sequence[ServiceView]) -> dict[str, ServiceState]:
    """Like `states_of`, but first waits until RADIUS has these versions, for at most two seconds."""
    if not services:
        return {}
    ids = [service.id for service in services]

    def ask(clients: Clients) -> dict[str, ServiceState]:
        return {state.service_id: state for state in clients.radius.list_service_states(ids)}

    def caught_up(states: dict[str, ServiceState]) -> bool:
        return all(is_provisioned(service, states.get(service.id)) for service in services)

    return poll("radius", ask, caught_up, {})


def wait_for_nas(router: RouterView) -> NasActivity | None:
    """What RADIUS has received from the router, once it knows this version of it as a client.

    None if it does not know the router, which is correct for a disabled one.
    """
    nothing: list[NasActivity] = []

    def caught_up(found: list[NasActivity]) -> bool:
        if router.status is RouterStatus.DISABLED:
            return not found
        return bool(found) and found[0].version >= router.version

    found = poll("radius", lambda clients: clients.radius.list_nas_activity([router.id]), caught_up, nothing)
    return found[0] if found else None


def wait_for_reversal(payment_id: str) -> list[AllocationView] | None:
    """The allocations of a reversed payment: none, once billing has handled the reversal."""
    return poll(
        "billing",
        lambda clients: clients.billing.find_allocations(payment_id),
        lambda found: found == [],
        None,
    )


def wait_for_allocations(payment_id: str) -> list[AllocationView] | None:
    """How a payment was allocated; None if billing has not handled it within two seconds."""
    return poll(
        "billing",
        lambda clients: clients.billing.find_allocations(payment_id),
        lambda found: found is not None,
        None,
    )
