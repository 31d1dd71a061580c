"""A typed client and a typed server with a bus between them."""

import time
from dataclasses import dataclass
from typing import Protocol

import eventlet
import pytest
from contracts.common import (
    Command,
    CommandWarning,
    FieldError,
    InvalidInput,
    NeedsConfirmation,
    NotFound,
    Unavailable,
)
from nameko.rpc import rpc
from servicekit.logs import correlated, correlation_id
from servicekit.rpc import ServiceFault, client
from servicekit.service import serves
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

SERVICE_NAME = "kitshop"


@dataclass(frozen=True, kw_only=True)
class Order(Command):
    item: str


class Shop(Protocol):
    def order(self, command: Order) -> list[str]: ...


ACTIONS = {}


@serves(Shop)
class ShopService:
    def order(self, command: Order) -> list[str]:
        return ACTIONS[command.item]()


@pytest.fixture(autouse=True)
def executed():
    """The names of what was ordered."""
    done = []
    ACTIONS.clear()
    ACTIONS["modem"] = lambda: done.append("modem") or ["sold"]
    return done


@pytest.fixture
def shop(start, transport):
    start(ShopService)
    return client(Shop, transport, deadline=5)


def fail_with(error):
    def action():
        raise error

    return action


def test_result_arrives_at_the_caller(shop):
    assert shop.order(Order(item="modem")) == ["sold"]


def test_declared_error_arrives_as_its_class_with_its_fields(shop):
    errors = [FieldError("item", "is unknown"), FieldError("count", "is too much")]
    ACTIONS["x"] = fail_with(InvalidInput("two mistakes", errors))
    ACTIONS["y"] = fail_with(NotFound("no item y"))

    with pytest.raises(InvalidInput, match="two mistakes") as raised:
        shop.order(Order(item="x"))
    assert raised.value.errors == errors
    with pytest.raises(NotFound, match="no item y"):
        shop.order(Order(item="y"))


def test_needed_confirmation_arrives_with_its_warnings(shop):
    warnings = [
        CommandWarning("many", "This is a lot.", {"order_id": "o1"}),
        CommandWarning("late", "It's late."),
    ]
    ACTIONS["x"] = fail_with(NeedsConfirmation("Ask first", warnings=warnings))

    with pytest.raises(NeedsConfirmation, match="Ask first") as raised:
        shop.order(Order(item="x"))
    assert raised.value.warnings == warnings


def test_bug_is_a_service_fault_without_details(shop):
    ACTIONS["x"] = fail_with(RuntimeError("password of the owner"))
    ACTIONS["y"] = lambda: [1.5]

    for item in ("x", "y"):
        with pytest.raises(ServiceFault, match="see the log") as raised:
            shop.order(Order(item=item))
        assert "password" not in str(raised.value)
    assert shop.order(Order(item="modem")) == ["sold"]


@pytest.mark.parametrize(
    "trouble",
    [
        OperationalError("insert", None, Exception("database is locked")),
        InterfaceError("select", None, Exception("connection already closed")),
        PoolTimeout("QueuePool limit reached"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_database_error_is_unavailable(shop, trouble):
    ACTIONS["x"] = fail_with(trouble)

    with pytest.raises(Unavailable, match="database"):
        shop.order(Order(item="x"))


def test_unknown_method_is_a_service_fault(start, transport):
    class OlderShop:
        name = SERVICE_NAME

        @rpc
        def ping(self, request):
            return {"ok": {}}

    start(OlderShop)
    with pytest.raises(ServiceFault, match="order"):
        client(Shop, transport).order(Order(item="modem"))


def test_unknown_service_is_unavailable_at_once(transport):
    started = time.monotonic()

    with pytest.raises(Unavailable, match="nowhere is not running"):
        transport("nowhere", "ping", {"args": {}}, 5)
    assert time.monotonic() - started < 1


def test_call_past_its_deadline_is_unavailable_and_late_answers_drop(shop, transport):
    ACTIONS["slow"] = lambda: eventlet.sleep(0.4) or ["late"]
    started = time.monotonic()

    with pytest.raises(Unavailable, match="did not answer within"):
        client(Shop, transport, deadline=0.1).order(Order(item="slow"))
    assert time.monotonic() - started < 0.4
    eventlet.sleep(0.5)
    assert shop.order(Order(item="modem")) == ["sold"]


def test_request_to_a_stopped_service_is_not_carried_out_late(start, transport, executed):
    start(ShopService).stop()

    with pytest.raises(Unavailable, match="did not answer within"):
        client(Shop, transport, deadline=0.2).order(Order(item="modem"))
    start(ShopService)
    eventlet.sleep(0.3)
    assert executed == []


def test_request_that_waited_too_long_for_a_worker_is_not_carried_out(start, transport, executed, eventually):
    busy = start(ShopService, config={"max_workers": 1})
    busy._worker_pool.spawn(eventlet.sleep, 0.5)

    with pytest.raises(Unavailable, match="did not answer within"):
        client(Shop, transport, deadline=0.2).order(Order(item="modem"))
    eventually(busy._worker_pool.free)
    eventlet.sleep(0.2)
    assert executed == []
    assert client(Shop, transport).order(Order(item="modem")) == ["sold"]


def test_correlation_id_reaches_the_service(shop):
    ACTIONS["x"] = lambda: [correlation_id()]

    with correlated("from-the-browser"):
        assert shop.order(Order(item="x")) == ["from-the-browser"]


def test_every_caller_gets_its_own_answer(shop):
    def answer(number):
        return lambda: eventlet.sleep(0.01 * (number % 3)) or [str(number)]

    ACTIONS.update({str(number): answer(number) for number in range(20)})
    asked = [eventlet.spawn(shop.order, Order(item=str(number))) for number in range(20)]

    assert [reply.wait() for reply in asked] == [[str(number)] for number in range(20)]
