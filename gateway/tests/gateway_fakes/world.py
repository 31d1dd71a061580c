"""The five services in memory. The gateway calls them in the same wire format as the real ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from contracts.billing import (
    Billing,
    InvoiceView,
)
from contracts.common import CommandWarning, ContractError, IdempotencyMismatch, Unavailable
from contracts.payment import Payment, PaymentView
from contracts.radius import (
    AttemptView,
    LineEvent,
    Radius,
    ReconnectView,
    RejectView,
    RequestKind,
    RequestOutcome,
    SessionView,
)
from contracts.receivables import (
    SuspensionDue,
)
from contracts.router import Router, RouterView
from contracts.subscriber import (
    PlanView,
    ServiceView,
    Subscriber,
    SubscriberView,
)
from servicekit.codec import to_wire
from servicekit.rpc import methods_of

from gateway_fakes.base import NOW
from gateway_fakes.billing import FakeBilling
from gateway_fakes.payment import FakePayment
from gateway_fakes.radius import FakeRadius
from gateway_fakes.router import FakeRouter
from gateway_fakes.subscriber import FakeSubscriber


class World:
    """The data of all fakes. Tests read and change it; `down`, `failing` and the lags simulate trouble.

    Dictionaries are oldest first. `rejects`, `attempts`, `reconnects` and `line_events` are newest first.
    """

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.failing: dict[str, Exception] = {}
        self.calls: list[tuple[str, str, dict]] = []
        self.radius_lag = 0
        self.allocation_lag = 0
        self._number = count(1)
        self.plans: dict[str, PlanView] = {}
        self.routers: dict[str, RouterView] = {}
        self.subscribers: dict[str, SubscriberView] = {}
        self.services: dict[str, ServiceView] = {}
        self.invoices: dict[str, InvoiceView] = {}
        self.payments: dict[str, PaymentView] = {}
        self.passwords: dict[str, str] = {}
        self.sessions: list[SessionView] = []
        self.rejects: list[RejectView] = []
        self.attempt = AttemptView(RequestKind.DISCONNECT, RequestOutcome.ACKED, None, "", NOW, NOW)
        self.attempts: dict[str, list[AttemptView]] = {}
        self.reconnects: list[ReconnectView] = []
        self.heard: dict[str, Any] = {}
        self.usage: dict[str, int] = {}
        self.line_events: list[LineEvent] = []
        self.reconnect_buckets: list[tuple[int | None, int]] = []
        self.suspensions_due: list[SuspensionDue] = []
        self.done: dict[str, tuple[Any, Any]] = {}
        self.billing = FakeBilling(self)
        self.fakes = {
            "subscriber": (Subscriber, FakeSubscriber(self)),
            "billing": (Billing, self.billing),
            "payment": (Payment, FakePayment(self)),
            "radius": (Radius, FakeRadius(self)),
            "router": (Router, FakeRouter(self)),
        }

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._number)}"

    def call(self, service: str, method: str, request: dict, _deadline: float) -> dict:
        """The transport: plain JSON data in and out, as on the bus."""
        if service in self.down:
            raise Unavailable(f"{service} is not running")
        if method == "ping":
            return {"ok": {"database": "ok"}}
        protocol, fake = self.fakes[service]
        shape = methods_of(protocol)[method]
        arguments = shape.decode_arguments(request["args"])
        self.calls.append((service, method, arguments))
        try:
            if method in self.failing:
                raise self.failing[method]
            return {"ok": to_wire(getattr(fake, method)(**arguments), shape.result)}
        except ContractError as error:
            wrong = [{"field": each.field, "message": each.message} for each in error.errors]
            warnings = [to_wire(warning, CommandWarning) for warning in error.warnings]
            return {
                "error": {
                    "code": error.code,
                    "message": error.message,
                    "errors": wrong,
                    "warnings": warnings,
                }
            }

    def once(self, command: Any, make: Callable[[], Any]) -> Any:
        """Carry out a command with a key once; a repeat gets the first answer, as from the services."""
        key = command.idempotency_key
        if key is None:
            return make()
        if key not in self.done:
            self.done[key] = (command, make())
        first, answer = self.done[key]
        if first != command:
            raise IdempotencyMismatch(f"the idempotency key {key!r} was used before with other content")
        return answer

    def commands(self, method: str) -> list[Any]:
        return [arguments["command"] for _, called, arguments in self.calls if called == method]
