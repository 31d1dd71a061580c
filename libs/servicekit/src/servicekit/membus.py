"""The embedded bus: an AMQP broker inside the process, as a kombu transport with the scheme ``membus://``.

nameko does not work on kombu's own ``memory://``, which drops the content type, supports neither
``mandatory`` nor expiry, gives every bound queue the same message object, sleeps a second between polls and
counts prefetch for all queues together. This is a small broker that behaves like RabbitMQ as far as nameko
uses it. What it does not support (such as a dead-letter exchange) it refuses instead of ignoring it.

All connections of the process share the same exchanges and queues. Nothing is written to disk: what must
survive the process belongs in an outbox. All users must be greenthreads of one hub, after
``eventlet.monkey_patch()``. No operation here yields, which makes each of them atomic.
"""

from __future__ import annotations

import heapq
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import uuid4

from amqp.exceptions import (
    AMQPNotImplementedError,
    NotFound,
    PreconditionFailed,
    RecoverableConnectionError,
    ResourceLocked,
)
from amqp.protocol import queue_declare_ok_t
from kombu.exceptions import ChannelError
from kombu.message import Message
from kombu.transport import TRANSPORT_ALIASES, base

SCHEME = "membus"

NO_ROUTE = 312
BASIC_RETURN = (60, 50)
QUEUE_ARGUMENTS = {"x-expires"}
EXCHANGE_TYPES = {"direct", "topic", "fanout"}


def register() -> None:
    """Make ``membus://`` known to kombu. Call it before the first connection; safe to repeat."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def reset() -> None:
    """Delete every exchange, queue and message and close every connection, as if the broker were new."""
    _broker.reset()


@dataclass(eq=False, slots=True)
class _Envelope:
    """A message in one queue. Its parts are shared by all its queues, so consumers only get copies."""

    body: bytes
    content_type: str | None
    content_encoding: str | None
    headers: dict[str, Any]
    properties: dict[str, Any]
    exchange: str
    routing_key: str
    expires_at: float | None
    position: int = 0
    redelivered: bool = False

    def for_queue(self, position: int) -> _Envelope:
        return replace(self, position=position)

    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= time.monotonic()


@dataclass(eq=False, slots=True)
class _Consumer:
    tag: str
    channel: Channel
    queue: _Queue
    callback: Callable[[Message], Any]
    no_ack: bool
    prefetch_count: int
    unacked_count: int = 0

    def has_room(self) -> bool:
        return not self.prefetch_count or self.unacked_count < self.prefetch_count


@dataclass(eq=False, slots=True)
class _Delivery:
    """A message that a consumer has or is about to get. Without a consumer, ``basic_get`` fetched it."""

    tag: int
    envelope: _Envelope
    queue: _Queue
    consumer: _Consumer | None


class _Queue:
    """Messages in order, and the consumers that get them in turn."""

    def __init__(self, name: str, flags: dict[str, Any], owner: Transport | None) -> None:
        self.name = name
        self.flags = flags
        self.owner = owner
        self.consumers: deque[_Consumer] = deque()
        self.unused_until: float | None = None
        self._ready: deque[_Envelope] = deque()
        self._positions = count(1)

    def ready_count(self) -> int:
        self._drop_expired()
        return len(self._ready)

    def put(self, envelope: _Envelope) -> None:
        self._drop_expired()
        self._ready.append(envelope.for_queue(next(self._positions)))
        self.dispatch()

    def put_back(self, envelope: _Envelope) -> None:
        """Return a message to its place, before all younger ones."""
        envelope.redelivered = True
        index = 0
        for other in self._ready:
            if other.position > envelope.position:
                break
            index += 1
        self._ready.insert(index, envelope)

    def take(self) -> _Envelope | None:
        self._drop_expired()
        return self._ready.popleft() if self._ready else None

    def purge(self) -> int:
        purged = self.ready_count()
        self._ready.clear()
        return purged

    def dispatch(self) -> None:
        """Give messages to the consumers in turn, as far as their prefetch allows.

        Prefetch is counted per consumer, so a queue whose consumers are all busy does not delay another queue
        of the same service.
        """
        while self._ready and (consumer := self._next_with_room()):
            envelope = self.take()
            if envelope is not None:
                consumer.channel.assign(envelope, consumer)

    def _next_with_room(self) -> _Consumer | None:
        for _ in self.consumers:
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if consumer.has_room():
                return consumer
        return None

    def _drop_expired(self) -> None:
        while self._ready and self._ready[0].expired():
            self._ready.popleft()


@dataclass(eq=False)
class _Exchange:
    type: str
    flags: dict[str, Any]
    keys: dict[str, dict[str, _Queue]] = field(default_factory=dict)

    def bind(self, key: str, queue: _Queue) -> None:
        self.keys.setdefault(key, {})[queue.name] = queue

    def unbind(self, key: str, queue: _Queue) -> None:
        bound = self.keys.get(key, {})
        bound.pop(queue.name, None)
        if not bound:
            self.keys.pop(key, None)

    def unbind_all(self, queue: _Queue) -> None:
        for key in [key for key, bound in self.keys.items() if queue.name in bound]:
            self.unbind(key, queue)

    def route(self, routing_key: str) -> list[_Queue]:
        """The queues for a message, each once, however many of its bindings match."""
        if self.type == "direct":
            return list(self.keys.get(routing_key, {}).values())
        matching: dict[str, _Queue] = {}
        words = routing_key.split(".")
        for key, bound in self.keys.items():
            if self.type == "fanout" or key == routing_key or _topic_matches(key.split("."), words):
                matching |= bound
        return list(matching.values())


def _topic_matches(pattern: list[str], words: list[str]) -> bool:
    """``*`` stands for one word, ``#`` for any number of words, including none."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _topic_matches(pattern[1:], words) or (bool(words) and _topic_matches(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _topic_matches(pattern[1:], words[1:])


class _Broker:
    """The exchanges and queues of the process."""

    def __init__(self) -> None:
        self.transports: set[Transport] = set()
        self._clear()

    def _clear(self) -> None:
        self.exchanges = {f"amq.{type_}": _Exchange(type_, {"durable": True}) for type_ in EXCHANGE_TYPES}
        self.queues: dict[str, _Queue] = {}
        # (when, name) of queues with x-expires that have no consumer. Without this, every short-lived RPC
        # client would leave its reply queue behind.
        self._expiries: list[tuple[float, str]] = []

    def reset(self) -> None:
        for transport in list(self.transports):
            transport.disconnect()
        self._clear()

    def exchange(self, name: str) -> _Exchange:
        if name not in self.exchanges:
            raise NotFound(f"NOT_FOUND - no exchange {name!r}")
        return self.exchanges[name]

    def queue(self, name: str, user: Transport) -> _Queue:
        queue = self.queues.get(name)
        if queue is None:
            raise NotFound(f"NOT_FOUND - no queue {name!r}")
        if queue.owner not in (None, user):
            raise ResourceLocked(f"RESOURCE_LOCKED - queue {name!r} is exclusive to another connection")
        return queue

    def declare_exchange(self, name: str, type_: str, flags: dict[str, Any]) -> None:
        if type_ not in EXCHANGE_TYPES:
            raise AMQPNotImplementedError(f"NOT_IMPLEMENTED - exchange type {type_!r}")
        existing = self.exchanges.setdefault(name, _Exchange(type_, flags))
        if (existing.type, existing.flags) != (type_, flags):
            raise PreconditionFailed(
                f"PRECONDITION_FAILED - exchange {name!r} was declared with other properties"
            )

    def declare_queue(self, name: str, flags: dict[str, Any], user: Transport) -> _Queue:
        if unknown := set(flags["arguments"]) - QUEUE_ARGUMENTS:
            raise AMQPNotImplementedError(f"NOT_IMPLEMENTED - queue arguments {sorted(unknown)}")
        self._delete_expired_queues()
        if name not in self.queues:
            self.queues[name] = _Queue(name, flags, user if flags["exclusive"] else None)
            self.note_unused(self.queues[name])
        queue = self.queue(name, user)
        if queue.flags != flags:
            raise PreconditionFailed(
                f"PRECONDITION_FAILED - queue {name!r} was declared with other properties"
            )
        return queue

    def delete_exchange(self, name: str) -> None:
        self.exchanges.pop(name, None)

    def delete_queue(self, queue: _Queue) -> None:
        self.queues.pop(queue.name, None)
        for exchange in self.exchanges.values():
            exchange.unbind_all(queue)

    def publish(self, envelope: _Envelope) -> bool:
        """Put the message on each of its queues; False if there is none."""
        self._delete_expired_queues()
        queues = self._route(envelope)
        for queue in queues:
            queue.put(envelope)
        return bool(queues)

    def _route(self, envelope: _Envelope) -> list[_Queue]:
        if envelope.exchange:
            return self.exchange(envelope.exchange).route(envelope.routing_key)
        queue = self.queues.get(envelope.routing_key)
        return [queue] if queue else []

    def note_cancelled(self, queue: _Queue) -> None:
        """A consumer of the queue was cancelled."""
        if not queue.consumers and queue.flags["auto_delete"]:
            self.delete_queue(queue)
        else:
            self.note_unused(queue)

    def note_unused(self, queue: _Queue) -> None:
        milliseconds = queue.flags["arguments"].get("x-expires")
        if milliseconds is not None and not queue.consumers:
            queue.unused_until = time.monotonic() + milliseconds / 1000
            heapq.heappush(self._expiries, (queue.unused_until, queue.name))

    def _delete_expired_queues(self) -> None:
        while self._expiries and self._expiries[0][0] <= time.monotonic():
            deadline, name = heapq.heappop(self._expiries)
            queue = self.queues.get(name)
            if queue and not queue.consumers and queue.unused_until == deadline:
                self.delete_queue(queue)


_broker = _Broker()


class Channel(base.StdChannel):
    """kombu's channel: the AMQP methods, and the messages that were delivered but not yet acknowledged."""

    def __init__(self, connection: Transport) -> None:
        self.connection: Transport | None = connection
        # kombu sends no acknowledgements for the consumers in here.
        self.no_ack_consumers: set[str] = set()  # type: ignore[assignment]  # None in kombu's base class
        self._consumers: dict[str, _Consumer] = {}
        self._unacked: dict[int, _Delivery] = {}
        self._delivery_tags = count(1)
        self._prefetch_count = 0

    def _transport(self) -> Transport:
        if self.connection is None:
            raise RecoverableConnectionError("channel is closed")
        return self.connection

    def _queue(self, name: str) -> _Queue:
        return _broker.queue(name, self._transport())

    # Exchanges and queues

    def exchange_declare(
        self,
        exchange: str,
        type: str = "direct",
        durable: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        nowait: bool = False,  # noqa: ARG002  # no operation here waits
        passive: bool = False,
    ) -> None:
        self._transport()
        if passive:
            _broker.exchange(exchange)
            return
        if arguments:
            raise AMQPNotImplementedError(f"NOT_IMPLEMENTED - exchange arguments {sorted(arguments)}")
        _broker.declare_exchange(exchange, type, {"durable": durable, "auto_delete": bool(auto_delete)})

    def exchange_delete(self, exchange: str, **_options: Any) -> None:
        _broker.delete_exchange(exchange)

    def prepare_queue_arguments(self, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
        return base.to_rabbitmq_queue_arguments(arguments, **options)

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        nowait: bool = False,  # noqa: ARG002  # no operation here waits
    ) -> queue_declare_ok_t:
        if passive:
            declared = self._queue(queue)
        else:
            flags = {
                "durable": durable,
                "exclusive": exclusive,
                "auto_delete": auto_delete,
                "arguments": arguments or {},
            }
            declared = _broker.declare_queue(queue or f"amq.gen-{uuid4()}", flags, self._transport())
        return queue_declare_ok_t(declared.name, declared.ready_count(), len(declared.consumers))

    def queue_bind(self, queue: str, exchange: str, routing_key: str = "", **_options: Any) -> None:
        _broker.exchange(exchange).bind(routing_key, self._queue(queue))

    def queue_unbind(self, queue: str, exchange: str, routing_key: str = "", **_options: Any) -> None:
        _broker.exchange(exchange).unbind(routing_key, self._queue(queue))

    def queue_purge(self, queue: str, **_options: Any) -> int:
        return self._queue(queue).purge()

    def queue_delete(
        self, queue: str, if_unused: bool = False, if_empty: bool = False, **_options: Any
    ) -> int:
        if queue not in _broker.queues:
            return 0
        doomed = self._queue(queue)
        if (if_unused and doomed.consumers) or (if_empty and doomed.ready_count()):
            raise PreconditionFailed(f"PRECONDITION_FAILED - queue {queue!r} is in use")
        _broker.delete_queue(doomed)
        return doomed.purge()

    # Publishing

    def prepare_message(
        self,
        body: bytes | str,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> _Envelope:
        # nameko reads the content type from the properties, where AMQP has it.
        properties = {
            **(properties or {}),
            "priority": priority or 0,
            "content_type": content_type,
            "content_encoding": content_encoding,
        }
        expiration = properties.get("expiration")
        return _Envelope(
            body=body.encode() if isinstance(body, str) else bytes(body),
            content_type=content_type,
            content_encoding=content_encoding,
            headers=_copy(headers or {}),
            properties=_copy(properties),
            exchange="",
            routing_key="",
            expires_at=None if expiration is None else time.monotonic() + int(expiration) / 1000,
        )

    def basic_publish(
        self,
        message: _Envelope,
        exchange: str = "",
        routing_key: str = "",
        mandatory: bool = False,
        **_options: Any,
    ) -> None:
        """Raises ChannelError NO_ROUTE if the message is mandatory and no queue is bound for it."""
        self._transport()
        message.exchange, message.routing_key = exchange, routing_key
        if not _broker.publish(message) and mandatory:
            raise ChannelError("NO_ROUTE", BASIC_RETURN, reply_code=NO_ROUTE)

    # Consuming

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """As on RabbitMQ: for consumers started after this, and for each of them separately."""
        if prefetch_size or apply_global:
            raise AMQPNotImplementedError("NOT_IMPLEMENTED - prefetch by size or for a whole channel")
        self._prefetch_count = prefetch_count

    def basic_consume(
        self,
        queue: str,
        no_ack: bool = False,
        consumer_tag: str = "",
        callback: Callable[[Message], Any] | None = None,
        **_options: Any,
    ) -> str:
        if callback is None:
            raise ValueError("a consumer needs a callback")
        source = self._queue(queue)
        tag = consumer_tag or f"amq.ctag-{uuid4()}"
        consumer = _Consumer(tag, self, source, callback, bool(no_ack), self._prefetch_count)
        self._consumers[tag] = consumer
        if no_ack:
            self.no_ack_consumers.add(tag)
        source.consumers.append(consumer)
        source.dispatch()
        return tag

    def basic_cancel(self, consumer_tag: str, **_options: Any) -> None:
        """Messages the consumer has got stay with the channel until acknowledged; the others go back."""
        consumer = self._consumers.pop(consumer_tag, None)
        if consumer is None:
            return
        self.no_ack_consumers.discard(consumer_tag)
        consumer.queue.consumers.remove(consumer)
        for delivery in reversed(self._transport().forget(consumer)):
            self._unacked.pop(delivery.tag, None)
            delivery.queue.put_back(delivery.envelope)
        consumer.queue.dispatch()
        _broker.note_cancelled(consumer.queue)

    def basic_get(self, queue: str, no_ack: bool = False, **_options: Any) -> Message | None:
        source = self._queue(queue)
        envelope = source.take()
        _broker.note_unused(source)
        if envelope is None:
            return None
        delivery = _Delivery(next(self._delivery_tags), envelope, source, None)
        if not no_ack:
            self._unacked[delivery.tag] = delivery
        return self._message(delivery)

    def assign(self, envelope: _Envelope, consumer: _Consumer) -> None:
        """Give a message to a consumer of this channel. Called by the queue."""
        delivery = _Delivery(next(self._delivery_tags), envelope, consumer.queue, consumer)
        if not consumer.no_ack:
            self._unacked[delivery.tag] = delivery
            consumer.unacked_count += 1
        self._transport().receive(delivery)

    def deliver(self, delivery: _Delivery) -> None:
        if delivery.consumer is not None:
            delivery.consumer.callback(self._message(delivery))

    def _message(self, delivery: _Delivery) -> Message:
        envelope = delivery.envelope
        return Message(
            body=envelope.body,
            delivery_tag=delivery.tag,
            content_type=envelope.content_type,
            content_encoding=envelope.content_encoding,
            delivery_info={
                "consumer_tag": delivery.consumer.tag if delivery.consumer else "",
                "delivery_tag": delivery.tag,
                "redelivered": envelope.redelivered,
                "exchange": envelope.exchange,
                "routing_key": envelope.routing_key,
            },
            properties=_copy(envelope.properties),
            headers=_copy(envelope.headers),
            channel=self,
        )

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        for delivery in self._settle(delivery_tag, multiple):
            delivery.queue.dispatch()

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:
        for delivery in self._settle(delivery_tag, multiple=False):
            if requeue:
                delivery.queue.put_back(delivery.envelope)
            delivery.queue.dispatch()

    def basic_recover(self, requeue: bool = False) -> None:
        if not requeue:
            raise AMQPNotImplementedError("NOT_IMPLEMENTED - recover without requeue")
        self._restore_unacked()

    def _settle(self, tag: int, multiple: bool) -> list[_Delivery]:
        """Remove deliveries from the unacknowledged ones, which makes room for others at their consumers."""
        tags = [known for known in self._unacked if known <= tag] if multiple else [tag]
        settled = [self._unacked.pop(known) for known in tags if known in self._unacked]
        for delivery in settled:
            if delivery.consumer is not None:
                delivery.consumer.unacked_count -= 1
        return settled

    def _restore_unacked(self) -> None:
        restored = [self._settle(tag, multiple=False)[0] for tag in reversed(list(self._unacked))]
        for delivery in restored:
            delivery.queue.put_back(delivery.envelope)
        for queue in {delivery.queue for delivery in restored}:
            queue.dispatch()

    def close(self) -> None:
        """Cancel the consumers and return what they had not acknowledged to the queues, for others."""
        if self.connection is None:
            return
        for tag in list(self._consumers):
            self.basic_cancel(tag)
        self._restore_unacked()
        self.connection.channels.discard(self)
        self.connection = None


def _copy(value: Any) -> Any:
    """A copy, because sender and receivers share a process: what one changes must not affect the others."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


class Transport(base.Transport):
    """One connection to the broker of this process."""

    driver_type = SCHEME
    driver_name = SCHEME

    # There is no network that could fail. By default, kombu retries every ChannelError and wraps NO_ROUTE,
    # which nameko turns into UnknownService, in an OperationalError.
    recoverable_connection_errors: tuple[type[Exception], ...] = ()
    recoverable_channel_errors: tuple[type[Exception], ...] = ()

    implements = base.Transport.implements.extend(exchange_type=frozenset(EXCHANGE_TYPES))

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.channels: set[Channel] = set()
        self._inbox: deque[_Delivery] = deque()
        self._arrived = threading.Event()
        self._connected = False

    def establish_connection(self) -> Transport:
        self._connected = True
        _broker.transports.add(self)
        return self

    def verify_connection(self, connection: Transport) -> bool:  # noqa: ARG002  # it is self
        return self._connected

    def close_connection(self, connection: Transport) -> None:  # noqa: ARG002  # it is self
        self.disconnect()

    def disconnect(self) -> None:
        for channel in list(self.channels):
            channel.close()
        for queue in [queue for queue in _broker.queues.values() if queue.owner is self]:
            _broker.delete_queue(queue)
        _broker.transports.discard(self)
        self._connected = False
        self._arrived.set()

    def create_channel(self, connection: Transport) -> Channel:
        channel = Channel(connection)
        self.channels.add(channel)
        return channel

    def close_channel(self, channel: Channel) -> None:
        channel.close()

    def receive(self, delivery: _Delivery) -> None:
        self._inbox.append(delivery)
        self._arrived.set()

    def forget(self, consumer: _Consumer) -> list[_Delivery]:
        """Take back what is on its way to a consumer."""
        unseen = [delivery for delivery in self._inbox if delivery.consumer is consumer]
        for delivery in unseen:
            self._inbox.remove(delivery)
        return unseen

    def drain_events(self, connection: Transport, timeout: float | None = None, **_options: Any) -> None:  # noqa: ARG002
        """Wait for a message and deliver it. Raises socket.timeout if none arrives in time."""
        if not self._inbox:
            self._wait(timeout)
        delivery = self._inbox.popleft()
        consumer = delivery.consumer
        if consumer is not None:
            consumer.channel.deliver(delivery)

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._inbox:
            self._require_connected()
            self._arrived.clear()
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._arrived.wait(remaining):
                raise socket.timeout("no message")  # noqa: UP041  # the name kombu and nameko catch

    def _require_connected(self) -> None:
        if not self._connected:
            raise RecoverableConnectionError("the embedded bus was reset")
