"""The services, as typed clients. The gateway knows them by their contracts only."""

from __future__ import annotations

from contracts.billing import Billing
from contracts.payment import Payment
from contracts.radius import Radius
from contracts.router import Router
from contracts.subscriber import Subscriber
from servicekit.rpc import DEFAULT_DEADLINE_SECONDS, Transport, client

# Every service whose absence leaves the gateway unable to do its work.
SERVICES = ("subscriber", "billing", "payment", "radius", "router")


class Clients:
    """One client per service, all with the same deadline in seconds."""

    def __init__(self, transport: Transport, deadline: float = DEFAULT_DEADLINE_SECONDS) -> None:
        self.subscriber = client(Subscriber, transport, deadline)
        self.billing = client(Billing, transport, deadline)
        self.payment = client(Payment, transport, deadline)
        self.radius = client(Radius, transport, deadline)
        self.router = client(Router, transport, deadline)
