"""What other services know about services and routers, for pages that can do without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.radius import NasActivity, ServiceState
from contracts.subscriber import ServiceOwner, ServiceView

from gateway.clients.answers import if_it_answers
from gateway.clients.context import current


def states_of(services: Sequence[ServiceView]) -> dict[str, ServiceState]:
    """What RADIUS knows about the services, by id; empty while it is unavailable."""
    if not services:
        return {}
    radius, ids = current().optional.radius, [service.id for service in services]
    found = if_it_answers(lambda: radius.list_service_states(ids)) or []
    return {state.service_id: state for state in found}


def nas_activity(router_ids: list[str]) -> dict[str, NasActivity]:
    """What RADIUS has received from the routers, by id; empty while it is unavailable."""
    if not router_ids:
        return {}
    radius = current().optional.radius
    found = if_it_answers(lambda: radius.list_nas_activity(router_ids)) or []
    return {activity.router_id: activity for activity in found}


def owners_of(service_ids: Iterable[str | None]) -> dict[str, ServiceOwner]:
    """Who has the services (at most 200), by service id; empty while subscriber-svc is unavailable."""
    ids = list(dict.fromkeys(service_id for service_id in service_ids if service_id is not None))
    if not ids:
        return {}
    subscriber = current().optional.subscriber
    found = if_it_answers(lambda: subscriber.list_service_owners(ids)) or []
    return {owner.service_id: owner for owner in found}


def is_provisioned(service: ServiceView, state: ServiceState | None) -> bool:
    """Whether RADIUS has this version of the service, so that the next login uses it."""
    return state is not None and state.provisioned and state.version >= service.version
