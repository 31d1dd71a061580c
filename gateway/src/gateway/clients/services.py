"""The services as typed clients. The gateway knows them only by their contracts."""

from __future__ import annotations

from contracts.billing import Billing
from contracts.payment import Payment
from contracts.radius import Radius
from contracts.router import Router
from contracts.subscriber import Subscriber
from servicekit.rpc import DEFAULT_DEADLINE_SECONDS, Transport, client

# The services that the gateway needs to be ready.
SERVICES = ("subscriber", "billing", "payment", "radius", "router")


class Clients:
    """One client per service, all with the same deadline in seconds.

    The `type: ignore`s are there because mypy expects classes that can be instantiated, not Protocols.
    """

    def __init__(self, transport: Transport, deadline: float = DEFAULT_DEADLINE_SECONDS) -> None:
        self.subscriber = client(Subscriber, transport, deadline)  # type: ignore[type-abstract]
        self.billing = client(Billing, transport, deadline)  # type: ignore[type-abstract]
        self.payment = client(Payment, transport, deadline)  # type: ignore[type-abstract]
        self.radius = client(Radius, transport, deadline)  # type: ignore[type-abstract]
        self.router = client(Router, transport, deadline)  # type: ignore[type-abstract]
