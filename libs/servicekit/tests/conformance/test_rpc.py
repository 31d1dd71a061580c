import time

import eventlet
import pytest
from eventlet.event import Event
from nameko.exceptions import RemoteError, RpcTimeout, UnknownService
from nameko.rpc import RpcProxy, rpc
from nameko.runners import ServiceRunner
from nameko.testing.services import entrypoint_hook


def test_call_returns_the_result_and_raises_the_error(start, rpc_client, unique):
    class Service:
        name = unique("service")

        @rpc
        def double(self, number):
            return 2 * number

        @rpc
        def fail(self):
            raise ValueError("as it should")

    start(Service)
    service = rpc_client()[Service.name]

    assert service.double(21) == 42
    with pytest.raises(RemoteError, match="as it should"):
        service.fail()


def test_unknown_service_is_reported_at_once(rpc_client, unique):
    client = rpc_client()
    started = time.monotonic()

    with pytest.raises(UnknownService):
        client[unique("missing")].method()
    assert time.monotonic() - started < 1


def test_max_workers_limits_parallel_calls(start, rpc_client, unique):
    running, peak = [], []

    class Service:
        name = unique("service")

        @rpc
        def work(self):
            running.append(1)
            peak.append(len(running))
            eventlet.sleep(0.2)
            running.pop()

    start(Service, max_workers=3)
    service = rpc_client()[Service.name]
    started = time.monotonic()
    for reply in [service.work.call_async() for _ in range(9)]:
        reply.result()

    assert max(peak) == 3
    assert time.monotonic() - started > 0.55


def test_service_stays_usable_after_a_client_timeout(start, rpc_client, unique):
    release = Event()

    class Service:
        name = unique("service")

        @rpc
        def wait(self):
            release.wait()

        @rpc
        def answer(self):
            return "usable"

    start(Service)
    with pytest.raises(RpcTimeout):
        rpc_client(timeout=0.2)[Service.name].wait()

    assert rpc_client()[Service.name].answer() == "usable"
    release.send(None)


def test_expired_request_is_not_carried_out(start, rpc_client, unique, eventually):
    executed = []

    class Service:
        name = unique("service")

        @rpc
        def execute(self, what):
            executed.append(what)

    class Caller:
        name = unique("caller")
        impatient = RpcProxy(Service.name, expiration=0.1)
        patient = RpcProxy(Service.name)

        @rpc
        def call(self):
            self.impatient.execute.call_async("in time or not at all")
            self.patient.execute.call_async("whenever")

    start(Service).stop()
    caller = start(Caller)
    with entrypoint_hook(caller, "call") as call:
        call()
    eventlet.sleep(0.2)
    start(Service)

    eventually(lambda: executed == ["whenever"])


def test_call_is_answered_after_its_container_was_killed(start, rpc_client, unique, eventually):
    calls = []

    class Service:
        name = unique("service")

        @rpc
        def answer(self):
            calls.append(1)
            if len(calls) == 1:
                Event().wait()
            return "from the second"

    first = start(Service)
    reply = rpc_client()[Service.name].answer.call_async()
    eventually(lambda: len(calls) == 1)
    first.kill()
    start(Service)

    assert reply.result() == "from the second"


def test_runner_passes_on_the_context_of_nested_calls(config, rpc_client, unique):
    class Inner:
        name = unique("inner")

        @rpc
        def answer(self):
            return "from inside"

    class Outer:
        name = unique("outer")
        inner = RpcProxy(Inner.name)

        @rpc
        def ask(self):
            return self.inner.answer()

    runner = ServiceRunner(config)
    runner.add_service(Inner)
    runner.add_service(Outer)
    runner.start()
    try:
        assert rpc_client(context_data={"operator": "ana"})[Outer.name].ask() == "from inside"
    finally:
        runner.stop()
    runner.wait()
