"""Typed RPC over nameko: server and client are both derived from a contract's Protocol.

On the wire, a call is `{"args": {...}, "correlation_id": ...}` and an answer is `{"ok": ...}` or
`{"error": {code, message, errors, warnings}}`, so that declared errors arrive as their own class.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
import time
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import amqp
import eventlet
import msgspec
from contracts.common import CommandWarning, ContractError, FieldError, Unavailable
from kombu.exceptions import OperationalError as BusError
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.constants import AMQP_URI_CONFIG_KEY, NON_PERSISTENT
from nameko.exceptions import deserialize
from nameko.extensions import DependencyProvider, SharedExtension
from nameko.rpc import ReplyListener, Rpc, get_rpc_exchange

from servicekit.codec import WireError, from_wire, to_wire
from servicekit.db import DATABASE_ERRORS
from servicekit.ids import new_id
from servicekit.logs import correlated, correlation_id, log
from servicekit.metrics import RPC_DURATION, RPC_REQUESTS

DEFAULT_DEADLINE_SECONDS = 10.0
# The words of Unavailable when the request reached the queue of its service and nobody answered it.
UNANSWERED = "did not answer within"
BUS_PAUSE_SECONDS = 0.2
BUS_ERRORS = (BusError, amqp.ConnectionError, OSError)

Api = TypeVar("Api")
# (service, method, encoded arguments, deadline in seconds) -> encoded answer
Transport = Callable[[str, str, dict, float], dict]


class Named(Protocol):
    """A nameko service class."""

    name: str


class ServiceFault(Exception):
    """The other service failed in a way its contract does not declare: a bug there; its log says more."""


class Expired(Exception):
    """The caller gave up while the request waited here."""


class ContractMismatch(TypeError):
    """A service class does not have the methods or event handlers that the contracts declare."""


class Method:
    """One method of a Protocol, with the types of its parameters and its result."""

    def __init__(self, name: str, function: Callable) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        self.name = name
        self.result = hints.pop("return")
        self.parameters = hints
        self.signature = inspect.signature(function)

    def encode_arguments(self, args: tuple, kwargs: dict) -> dict:
        """The arguments as plain JSON data. Raises TypeError or WireError if they do not fit the method."""
        bound = self.signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        return {name: to_wire(value, self.parameters[name]) for name, value in given.items()}

    def decode_arguments(self, data: dict) -> dict:
        """The arguments in JSON data; missing ones are null. Raises WireError."""
        return {name: from_wire(data.get(name), shape) for name, shape in self.parameters.items()}


@functools.cache
def methods_of(protocol: type) -> dict[str, Method]:
    """The RPC methods a Protocol declares."""
    functions = inspect.getmembers(protocol, inspect.isfunction)
    return {name: Method(name, function) for name, function in functions if not name.startswith("_")}


def service_name_of(protocol: type) -> str:
    """The nameko name of the service, from its contract module."""
    return sys.modules[protocol.__module__].SERVICE_NAME


# Server


class PunctualRpc(Rpc):
    """nameko's RPC entrypoint, which notes on each request when it arrived.

    A request can wait in the process for a free worker, where the broker can no longer expire it.
    """

    def handle_message(self, body: dict, message: Any) -> None:
        if isinstance(body, dict) and body.get("args"):
            body["args"][0]["arrived"] = time.monotonic()
        super().handle_message(body, message)


rpc = PunctualRpc.decorator


def serve_methods(service_class: type[Named], protocol: type) -> None:
    """Make each method of `protocol` an RPC entrypoint of the class, which must have it.

    Raises ContractMismatch if a method is missing or its signature differs.
    """
    for method in methods_of(protocol).values():
        function = getattr(service_class, method.name, None)
        if function is None:
            raise ContractMismatch(f"{service_class.__name__} lacks {protocol.__name__}.{method.name}")
        _check_signature(service_class, method, function)
        setattr(service_class, method.name, rpc(_entrypoint(service_class.name, method, function)))


def _check_signature(service_class: type, method: Method, function: Callable) -> None:
    found = Method(method.name, function)
    if (found.parameters, found.result) != (method.parameters, method.result):
        raise ContractMismatch(
            f"{service_class.__name__}.{method.name} takes {found.parameters} -> {found.result}, "
            f"but its contract says {method.parameters} -> {method.result}"
        )


def _entrypoint(service: str, method: Method, function: Callable) -> Callable:
    def entrypoint(self: Any, request: dict) -> dict:
        started = time.monotonic()
        with correlated(request.get("correlation_id") or new_id()):
            answer, outcome = _answer(self, method, function, request)
        RPC_REQUESTS.labels(service, method.name, outcome).inc()
        RPC_DURATION.labels(service, method.name).observe(time.monotonic() - started)
        return answer

    entrypoint.__name__ = method.name
    entrypoint.__doc__ = function.__doc__
    return entrypoint


def _answer(service: Any, method: Method, function: Callable, request: dict) -> tuple[dict, str]:
    try:
        if time.monotonic() - request.get("arrived", math.inf) > request.get("patience", math.inf):
            raise Expired
        result = function(service, **method.decode_arguments(request["args"]))
        return {"ok": to_wire(result, method.result)}, "ok"
    except ContractError as error:
        return _error(error), error.code
    except Expired:
        return _error(Unavailable(f"{method.name} was not started in time")), "expired"
    except DATABASE_ERRORS as error:
        log.error("database isn't responding", method=method.name, error=str(error))
        return _error(Unavailable("the database of this service isn't responding; try again")), "unavailable"
    except Exception:
        log.exception("rpc failed", method=method.name)
        return {"error": {"code": "fault", "message": f"{method.name} failed; see the log"}}, "fault"


def _error(error: ContractError) -> dict:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "errors": [msgspec.to_builtins(wrong) for wrong in error.errors],
            "warnings": [msgspec.to_builtins(warning) for warning in error.warnings],
        }
    }


# Client


def client(protocol: type[Api], transport: Transport, deadline: float = DEFAULT_DEADLINE_SECONDS) -> Api:
    """An object with the methods of `protocol`, each an RPC that takes at most `deadline` seconds.

    A contract module can give methods their own DEADLINES. Calls raise the service's own errors, Unavailable
    if the service does not answer in time, and ServiceFault if it failed.
    """
    contract: Any = protocol  # for mypy: the class, whose methods are read
    return _client_class(contract)(transport, deadline)


@functools.cache  # making a class takes longer than a call; the gateway makes clients for every wait
def _client_class(protocol: Any) -> Any:
    service = service_name_of(protocol)
    deadlines: dict[str, float] = getattr(sys.modules[protocol.__module__], "DEADLINES", {})

    def initialize(self: Any, transport: Transport, deadline: float) -> None:
        self._transport, self._deadline = transport, deadline

    def bind(method: Method) -> Callable:
        own_deadline = deadlines.get(method.name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            request = {"args": method.encode_arguments(args, kwargs), "correlation_id": correlation_id()}
            seconds = self._deadline if own_deadline is None else own_deadline
            return _result(service, method, self._transport(service, method.name, request, seconds))

        return call

    methods = {name: bind(method) for name, method in methods_of(protocol).items()}
    return type(f"{protocol.__name__}Client", (), {"__init__": initialize, **methods})


def _result(service: str, method: Method, answer: dict) -> Any:
    error = answer.get("error")
    if error is None:
        try:
            return from_wire(answer.get("ok"), method.result)
        except WireError as mismatch:
            raise ServiceFault(f"{service}.{method.name}: {mismatch}") from mismatch
    known = ContractError.known.get(error["code"])
    if known is None:
        raise ServiceFault(f"{service}: {error['message']}")
    raise known(
        error["message"],
        [FieldError(**wrong) for wrong in error.get("errors", [])],
        [CommandWarning(**warning) for warning in error.get("warnings", [])],
    )


class RequestPublisher(Publisher):
    """Tries for about a second, because a request must not stay in a publisher beyond its deadline.

    Confirms stay on: without them nameko cannot tell that nobody serves the routing key.
    """

    delivery_mode = NON_PERSISTENT
    mandatory = True
    retry_policy = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2}
    transport_options = {**Publisher.transport_options, **retry_policy, "connect_retries_timeout": 1}


class _TooLate(Exception):
    """The deadline of a call has passed."""


@dataclass
class _Call:
    id: str
    service: str
    method: str
    request: dict
    deadline_at: float
    is_on_queue: bool = False

    def seconds_left(self) -> float:
        return self.deadline_at - time.monotonic()


class RpcTransport(SharedExtension):
    """Sends calls over the bus. All calls of the container share one reply queue."""

    reply_listener = ReplyListener()

    def call(self, service: str, method: str, request: dict, deadline: float) -> dict:
        """The encoded answer. Raises Unavailable if the service is unknown, gone or too slow, ServiceFault if
        it failed."""
        call = _Call(new_id(), service, method, request, time.monotonic() + deadline)
        reply = self.reply_listener.get_reply_event(call.id)
        try:
            # Published in its own greenthread: interrupting a publish while it waits for its confirm would
            # leave a connection of the pool out of step.
            eventlet.spawn_n(self._publish, call)
            # With an exception of ours: a bare Timeout is a BaseException, which nameko does not catch.
            with eventlet.Timeout(deadline, _TooLate()):
                body = reply.wait()
        except _TooLate:
            unanswered = f"{service} {UNANSWERED} {deadline:g} s"
            raise Unavailable(
                unanswered if call.is_on_queue else "the message bus isn't responding"
            ) from None
        finally:
            self.reply_listener._reply_events.pop(call.id, None)
        return self._unwrap(service, body)

    def _publish(self, call: _Call) -> None:
        while call.id in self.reply_listener._reply_events and call.seconds_left() > 0:
            try:
                self._publish_once(call)
                call.is_on_queue = True
                return
            except UndeliverableMessage:
                self._fail(call, f"{call.service} is not running")
            except BUS_ERRORS:
                eventlet.sleep(BUS_PAUSE_SECONDS)
            except Exception as error:
                self._fail(call, f"the request cannot be sent: {error}")

    def _publish_once(self, call: _Call) -> None:
        config = self.container.config
        # A request must not be carried out after its caller gave up. At the deadline it expires: on the queue
        # by the broker, in the process by PunctualRpc.
        patience = call.seconds_left()
        RequestPublisher(config[AMQP_URI_CONFIG_KEY]).publish(
            {"args": [{**call.request, "patience": patience}], "kwargs": {}},
            exchange=get_rpc_exchange(config),
            routing_key=f"{call.service}.{call.method}",
            reply_to=self.reply_listener.routing_key,
            correlation_id=call.id,
            expiration=patience,
        )

    def _fail(self, call: _Call, message: str) -> None:
        # Removed from the listener first: a late answer would otherwise send the event a second time.
        reply = self.reply_listener._reply_events.pop(call.id, None)
        if reply is not None:
            reply.send_exception(Unavailable(message))

    @staticmethod
    def _unwrap(service: str, body: dict) -> dict:
        if body.get("error"):
            raise ServiceFault(f"{service}: {deserialize(body['error'])}")
        return body["result"]


class Peer(DependencyProvider):
    """Injects the client of another service: `router = Peer(contracts.router.Router)`."""

    transport = RpcTransport()

    def __init__(self, protocol: type, deadline: float = DEFAULT_DEADLINE_SECONDS) -> None:
        self.protocol = protocol
        self.deadline = deadline

    def setup(self) -> None:
        self._client: Any = client(self.protocol, self.transport.call, self.deadline)

    def get_dependency(self, _worker_ctx: Any) -> Any:
        return self._client
