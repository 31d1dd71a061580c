"""What RADIUS and billing know by now of what was just commanded: a short, bounded wait for the truth.

A command has succeeded when its service says so; the effect travels on by event and is there a few
milliseconds later. Answering only then spares every caller a loop. When the other side is down, the wait
ends at once and the answer says what is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from contracts.billing import AllocationView
from contracts.common import Unavailable
from contracts.radius import NasActivity, ServiceState
from contracts.router import RouterStatus, RouterView
from contracts.subscriber import ServiceView
from servicekit.rpc import ServiceFault

from gateway.clients import Clients
from gateway.context import current

WAIT_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1
SILENT = (Unavailable, ServiceFault)

Answer = TypeVar("Answer")


def if_it_answers(ask: Callable[[], Answer]) -> Answer | None:
    """A part of a page that the rest can do without: None while its service does not answer."""
    try:
        return ask()
    except SILENT:
        return None


def poll(ask: Callable[[Clients], Answer], is_enough: Callable[[Answer], bool], nothing: Answer) -> Answer:
    """Ask until the answer is enough, for at most two seconds; the last answer, or `nothing`."""
    deadline = time.monotonic() + WAIT_SECONDS
    pause, answer = FIRST_PAUSE_SECONDS, nothing
    while (left := deadline - time.monotonic()) > 0:
        try:
            answer = ask(Clients(current().transport, left))
        except SILENT:
            return answer
        if is_enough(answer):
            return answer
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return answer


def states_of(services: Sequence[ServiceView]) -> dict[str, ServiceState]:
    """What RADIUS knows of the services, by id; nothing while it does not answer."""
    if not services:
        return {}
    try:
        found = current().optional.radius.list_service_states([service.id for service in services])
    except SILENT:
        return {}
    return {state.service_id: state for state in found}


def wait_for_radius(services: Sequence[ServiceView]) -> dict[str, ServiceState]:
    """Like `states_of`, when RADIUS has caught up with these versions or two seconds are over."""
    if not services:
        return {}
    ids = [service.id for service in services]

    def ask(clients: Clients) -> dict[str, ServiceState]:
        return {state.service_id: state for state in clients.radius.list_service_states(ids)}

    def caught_up(states: dict[str, ServiceState]) -> bool:
        return all(is_provisioned(service, states.get(service.id)) for service in services)

    return poll(ask, caught_up, {})


def is_provisioned(service: ServiceView, state: ServiceState | None) -> bool:
    """Whether the next dial gets the answer that this version of the service asks for."""
    return state is not None and state.provisioned and state.version >= service.version


def wait_for_nas(router: RouterView) -> NasActivity | None:
    """What RADIUS has heard of the router, once it knows this version of it as a client; None when it does
    not, which is right for a disabled one."""
    nothing: list[NasActivity] = []

    def caught_up(found: list[NasActivity]) -> bool:
        if router.status is RouterStatus.DISABLED:
            return not found
        return bool(found) and found[0].version >= router.version

    found = poll(lambda clients: clients.radius.list_nas_activity([router.id]), caught_up, nothing)
    return found[0] if found else None


def nas_activity(router_ids: list[str]) -> dict[str, NasActivity]:
    """What RADIUS has heard of the routers, by id; nothing while it does not answer."""
    if not router_ids:
        return {}
    try:
        found = current().optional.radius.list_nas_activity(router_ids)
    except SILENT:
        return {}
    return {activity.router_id: activity for activity in found}


def wait_for_allocations(payment_id: str) -> list[AllocationView] | None:
    """Where the money went; None when billing has not heard of the payment within two seconds."""
    return poll(
        lambda clients: clients.billing.find_allocations(payment_id), lambda found: found is not None, None
    )
