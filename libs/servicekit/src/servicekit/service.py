"""The base of the services: events in through the inbox, events out through the outbox, and upkeep."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import timer

from servicekit import idempotency, inbox, leases, outbox
from servicekit.codec import WireError
from servicekit.events import OutboxRelay, decode, handlers_of, receives_events
from servicekit.health import HealthServer
from servicekit.ids import new_id
from servicekit.inbox import Inbox
from servicekit.metrics import DEAD_LETTERS
from servicekit.runtime import Runtime, RuntimeExtension, ServiceRuntime

# Longer than any redelivery or replay can come late.
MESSAGES_KEPT = timedelta(days=30)
UPKEEP_BATCH = 1000
UPKEEP_LEASE = timedelta(minutes=10)


class Preparation(DependencyProvider):
    """Lets a service write what it cannot work without, before any request or event reaches it."""

    shared = RuntimeExtension()

    def setup(self) -> None:
        self.container.service_cls.prepare(self.shared.runtime)


class Service:
    """A service class derives from this and is decorated with `@serves(<its Protocol>)`."""

    name: str
    runtime: Runtime = ServiceRuntime()  # type: ignore[assignment]  # nameko injects what it provides
    relay = OutboxRelay()
    preparation = Preparation()
    health = HealthServer()

    @staticmethod
    def prepare(runtime: Runtime) -> None:
        """Called once, after migration and before the service answers."""

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

    @timer(interval=600)
    def upkeep(self) -> None:
        """Forget messages and idempotency keys that nobody can ask for any more."""
        before = datetime.now(UTC) - MESSAGES_KEPT
        with self.runtime.transaction() as session:
            if not leases.take(session, "upkeep", new_id(), UPKEEP_LEASE):
                return
        forget_old: tuple[Callable[..., int], ...] = (
            partial(outbox.forget_sent, before=before),
            partial(inbox.forget_done, before=before),
            idempotency.forget_old,
        )
        for forget in forget_old:
            forgotten = UPKEEP_BATCH
            while forgotten == UPKEEP_BATCH:
                with self.runtime.transaction() as session:
                    forgotten = forget(session, limit=UPKEEP_BATCH)
                time.sleep(0)  # green: SQLite does not yield, and others wait for the database

    @rpc
    def ping(self, _request: dict) -> dict:
        """Whether this service can work: {"ok": {part: "ok" or what is wrong}}."""
        return {"ok": self.check()}

    def check(self) -> dict[str, str]:
        """The parts this service needs, each "ok" or a few words on what is wrong."""
        try:
            with self.runtime.reading() as session:
                dead = inbox.counts(session).get(inbox.DEAD, 0)
        except Exception as error:
            return {"database": f"does not answer: {type(error).__name__}"}
        DEAD_LETTERS.labels(self.name).set(dead)
        return {"database": "ok"}

    def _inbox(self) -> Inbox:
        handlers = {name: partial(function, self) for name, function in handlers_of(type(self)).items()}
        return Inbox(self.runtime.database, self.name, handlers)
