"""Events over the bus, from outbox to inbox: one durable exchange, one durable queue per service."""

from __future__ import annotations

import functools
import inspect
import re
import time
import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
from contracts import billing, payment, radius, router, subscriber  # noqa: F401  # so that Event.known is complete
from contracts.common import Envelope, Event
from kombu import Exchange, Queue, binding
from nameko.amqp.publish import Publisher
from nameko.constants import AMQP_URI_CONFIG_KEY
from nameko.extensions import DependencyProvider
from nameko.messaging import Consumer, QueueConsumer
from sqlalchemy.orm import Session

from servicekit import outbox
from servicekit.bell import Bell
from servicekit.clock import machine_now
from servicekit.codec import from_wire, to_wire
from servicekit.logs import log
from servicekit.metrics import OUTBOX_AGE, OUTBOX_PENDING
from servicekit.rpc import ContractMismatch, Named
from servicekit.runtime import RuntimeExtension

EXCHANGE = Exchange("isp.events", type="topic", durable=True)
RELAY_BATCH = 200
POLL_SECONDS = 1.0
REQUEUE_PAUSE_SECONDS = 1.0


def queue_of(service: str) -> Queue:
    """The queue of all events that the contracts send to `service`."""
    names = sorted(event.name for event in Event.known.values() if service in event.consumers)
    return Queue(f"{service}.events", durable=True, bindings=[binding(EXCHANGE, name) for name in names])


def handles(*events: type[Event]) -> Callable:
    """Mark a method `(self, session: Session, event: <the event>)` as the handler of these events.

    It runs in the transaction of the inbox row; it must not call other services or the outside. `serves`
    checks it at import.
    """

    def mark(function: Callable) -> Callable:
        function.handled_events = events  # type: ignore[attr-defined]  # read by handlers_of
        return function

    return mark


@functools.cache
def handlers_of(service_class: type[Named]) -> dict[str, Callable]:
    """Event name -> handling function, for every event the contracts send to this service.

    Raises ContractMismatch, which says what to write, if an event has no handler or several, if a handler is
    for an event that is not sent here, or if it does not take what it handles.
    """
    consumed = {event.name: event for event in Event.known.values() if service_class.name in event.consumers}
    found: dict[str, Callable] = {}
    mistakes: list[str] = []
    for method, function in inspect.getmembers(service_class, inspect.isfunction):
        for event in getattr(function, "handled_events", ()):
            handler = f"{service_class.__name__}.{method}"
            if event.name not in consumed:
                mistakes.append(_not_consumed(service_class, handler, event))
            elif event.name in found:
                mistakes.append(f"{handler} handles {event.name}, and so does {found[event.name].__name__}")
            elif not _takes(function, event):
                mistakes.append(f"{handler} must take (self, session: Session, event: {event.__name__})")
            found.setdefault(event.name, function)
    mistakes += [
        _not_handled(service_class, event) for name, event in sorted(consumed.items()) if name not in found
    ]
    if mistakes:
        raise ContractMismatch("\n".join(mistakes))
    return found


def _not_consumed(service_class: type[Named], handler: str, event: type[Event]) -> str:
    return (
        f"{handler} handles {event.name}, which is not sent to {service_class.name}: add it to the consumers "
        f"of {event.__module__}.{event.__name__}, or remove the handler"
    )


def _not_handled(service_class: type[Named], event: type[Event]) -> str:
    method = "on_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event.__name__).lower()
    return (
        f"{service_class.__name__} has no handler for {event.name}, which is sent to {service_class.name}; "
        f"add one:\n"
        f"    @handles({event.__name__})\n"
        f"    def {method}(self, session: Session, event: {event.__name__}) -> None: ..."
    )


def _takes(function: Callable, event: type[Event]) -> bool:
    """Whether the handler is a method of (session, event), annotated for this event or a base of it."""
    hints = typing.get_type_hints(function)
    names = list(inspect.signature(function).parameters)
    if len(names) != 3 or hints.get(names[1]) is not Session:
        return False
    taken = hints.get(names[2])
    return any(isinstance(one, type) and issubclass(event, one) for one in typing.get_args(taken) or [taken])


class EventReceiver(Consumer):
    """nameko's Consumer on the service's event queue. An event is acknowledged once the inbox has it."""

    queue_consumer = QueueConsumer()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queue=None, **kwargs)

    def setup(self) -> None:
        self.queue = queue_of(self.container.service_name)
        super().setup()

    def handle_message_processed(self, message: Any, _result: Any = None, exc_info: Any = None) -> None:
        if exc_info is None:
            self.queue_consumer.ack_message(message)
            return
        # The database could neither handle nor park the event. Keep it unacknowledged for a moment before it
        # is delivered again: nothing is lost, and the process does not spin.
        self.container.spawn_managed_thread(lambda: self._requeue_later(message), identifier="requeue")

    def _requeue_later(self, message: Any) -> None:
        eventlet.sleep(REQUEUE_PAUSE_SECONDS)
        self.queue_consumer.requeue_message(message)


receives_events = EventReceiver.decorator


def decode(body: dict) -> Envelope:
    """The envelope in a message. Raises WireError."""
    return from_wire(body, Envelope)


class OutboxRelay(DependencyProvider):
    """Publishes what is in the outbox: at once after a commit, and with a slow poll for what others left."""

    shared = RuntimeExtension()

    def start(self) -> None:
        self._bell = Bell()
        self._stopping = False
        self._measured_at = 0.0
        self._queues: dict[str, list[Queue]] = {}  # of the consumers of an event
        self._database = self.shared.runtime.database
        self._database.after_commit(outbox.MARK, self._bell.ring)
        if self.shared.runtime.settings.embedded:
            with self._database.transaction() as session:
                outbox.replay_recent(session)
        self.container.spawn_managed_thread(self._run, identifier="outbox relay")

    def stop(self) -> None:
        self._stopping = True
        self._bell.ring()

    def _run(self) -> None:
        woken = True
        while not self._stopping:
            try:
                self._publish_all(woken)
            except Exception as error:
                log.warning("outbox relay failed", service=self.container.service_name, error=str(error))
                eventlet.sleep(POLL_SECONDS)
                continue  # what could not be sent is still ours to send, however recent
            woken = self._bell.wait(POLL_SECONDS)

    def _publish_all(self, woken: bool) -> None:
        # Other replicas publish their own rows at once. Only what they left behind is ours to send.
        older_than = None if woken else machine_now() - timedelta(seconds=2 * POLL_SECONDS)
        while not self._stopping:
            with self._database.reading() as session:
                messages = outbox.unsent(session, limit=RELAY_BATCH, older_than=older_than)
                self._measure(session)
            if not messages:
                return
            confirmed: list[str] = []
            try:
                for message in messages:
                    self._publish(message, self.container.service_name)
                    confirmed.append(message.id)
            finally:
                if confirmed:
                    with self._database.transaction() as session:
                        outbox.mark_sent(session, confirmed)
            eventlet.sleep(0)  # publishing on the embedded bus does not yield

    def _measure(self, session: Session) -> None:
        """At most once a second: counting a long backlog after each batch would be most of the work."""
        if time.monotonic() - self._measured_at < POLL_SECONDS:
            return
        self._measured_at = time.monotonic()
        pending, age = outbox.pending(session)
        OUTBOX_PENDING.labels(self.container.service_name).set(pending)
        OUTBOX_AGE.labels(self.container.service_name).set(age)

    def _publish(self, message: Any, service: str) -> None:
        consumers = Event.known[message.type].consumers
        if not consumers:
            return
        # The consumers' queues are declared here, so that no event is lost because a consumer has never been
        # started. `mandatory` and confirms make sure that an event that counts as sent is on its queues.
        Publisher(self.container.config[AMQP_URI_CONFIG_KEY], mandatory=True).publish(
            to_wire(outbox.envelope(message, service), Envelope),
            exchange=EXCHANGE,
            routing_key=message.type,
            declare=self._queues_of(message.type),
        )

    def _queues_of(self, event: str) -> list[Queue]:
        if event not in self._queues:
            self._queues[event] = [queue_of(consumer) for consumer in Event.known[event].consumers]
        return self._queues[event]
