"""The base class of services: events in through the inbox, events out through the outbox, and upkeep."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeVar

from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import timer

from servicekit import idempotency, inbox, leases, outbox
from servicekit.batches import in_batches
from servicekit.clock import machine_now
from servicekit.codec import WireError
from servicekit.events import OutboxRelay, decode, handlers_of, receives_events
from servicekit.health import HealthServer
from servicekit.ids import new_id
from servicekit.inbox import Inbox
from servicekit.metrics import DEAD_LETTERS
from servicekit.rpc import Named, serve_methods, service_name_of
from servicekit.runtime import Runtime, RuntimeExtension, ServiceRuntime
from servicekit.settings import ServiceSettings

# Longer than any redelivery or replay can take.
MESSAGES_KEPT = timedelta(days=30)
UPKEEP_BATCH = 1000
ServiceClass = TypeVar("ServiceClass", bound="type[Named]")
UPKEEP_SECONDS = 600
UPKEEP_LEASE = timedelta(seconds=UPKEEP_SECONDS // 2)


def serves(protocol: type) -> Callable[[ServiceClass], ServiceClass]:
    """Class decorator: the class is the service of this contract, under its name.

    Makes each method of `protocol` an RPC entrypoint and checks the event handlers. Raises ContractMismatch,
    at import, which says what to write: if a method is missing or its signature differs, if an event that
    the contracts send to the service does not have exactly one handler, or if one is handled that is not
    sent there.
    """

    def decorate(service_class: ServiceClass) -> ServiceClass:
        service_class.name = service_name_of(protocol)
        serve_methods(service_class, protocol)
        handlers_of(service_class)
        return service_class

    return decorate


class Preparation(DependencyProvider):
    """Calls the service's `prepare` before any request or event reaches it."""

    shared = RuntimeExtension()

    def setup(self) -> None:
        self.container.service_cls.prepare(self.shared.runtime)


class Service:
    """A service class derives from this and is decorated with `@serves(<its Protocol>)`.

    It sets `settings_type` if it needs more settings than every service.
    """

    name: str
    settings_type: type[ServiceSettings] = ServiceSettings
    runtime: Runtime = ServiceRuntime()  # type: ignore[assignment]  # nameko injects what it provides
    relay = OutboxRelay()
    preparation = Preparation()
    health = HealthServer()

    @staticmethod
    def prepare(runtime: Runtime) -> None:
        """Write what the service cannot work without. Called at each start, after the migrations."""

    @receives_events
    def receive_event(self, body: dict) -> None:
        try:
            envelope = decode(body)
        except WireError as error:
            self._inbox().bury(body, error)
        else:
            self._inbox().receive(envelope)

    @timer(interval=1)
    def retry_parked_events(self) -> None:
        self._inbox().retry_due()

    @timer(interval=UPKEEP_SECONDS)
    def upkeep(self) -> None:
        """Delete old messages and idempotency keys, which can no longer be asked for."""
        before = machine_now() - MESSAGES_KEPT
        held = partial(leases.holding, self.runtime, "upkeep", new_id(), UPKEEP_LEASE)
        forget_old: tuple[Callable[..., int], ...] = (
            partial(outbox.forget_sent, before=before),
            partial(inbox.forget_done, before=before),
            idempotency.forget_old,
        )
        with suppress(leases.LeaseTaken):
            for forget in forget_old:
                in_batches(held, partial(forget, limit=UPKEEP_BATCH), size=UPKEEP_BATCH)

    @rpc
    def ping(self, _request: dict) -> dict:
        """Whether this service can do its work: {"ok": {part: "ok" or what is wrong}}."""
        return {"ok": self.check()}

    def check(self) -> dict[str, str]:
        """The parts this service needs, each with "ok" or a few words about what is wrong."""
        try:
            with self.runtime.reading() as session:
                dead = inbox.counts(session).get(inbox.DEAD, 0)
        except Exception as error:
            return {"database": f"isn't responding: {type(error).__name__}"}
        DEAD_LETTERS.labels(self.name).set(dead)
        return {"database": "ok"}

    def _inbox(self) -> Inbox:
        service_class: type = type(self)
        handlers = {name: partial(function, self) for name, function in handlers_of(service_class).items()}
        return Inbox(self.runtime.database, self.name, handlers)
