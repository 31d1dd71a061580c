"""The same nameko services on both buses: what is true on RabbitMQ must be true on the embedded bus."""

import time
from uuid import uuid4

import eventlet
import pytest
from nameko.containers import ServiceContainer
from nameko.standalone.events import event_dispatcher
from nameko.standalone.rpc import ClusterRpcProxy
from servicekit import membus

PATIENCE_SECONDS = 10


@pytest.fixture(params=["membus", "rabbitmq"], scope="module")
def bus_url(request):
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbitmq_vhost")
    else:
        membus.reset()
        yield "membus://"
        membus.reset()


@pytest.fixture
def config(bus_url):
    return {"AMQP_URI": bus_url}


@pytest.fixture
def start(config):
    """Call it with a service class for a running container."""
    containers = []

    def start_container(service, **options):
        container = ServiceContainer(service, config={**config, **options})
        containers.append(container)
        container.start()
        return container

    yield start_container
    for container in containers:
        container.kill()


@pytest.fixture
def dispatch(config):
    return event_dispatcher(config)


@pytest.fixture
def rpc_client(config):
    """Call it for an RPC client outside any service."""
    proxies = []

    def connect(timeout=PATIENCE_SECONDS, **options):
        proxy = ClusterRpcProxy(config, timeout=timeout, **options)
        proxies.append(proxy)
        return proxy.start()

    yield connect
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def unique():
    """Call it for a service name that no other test uses, because queues outlive the test."""
    return lambda name: f"{name}_{uuid4().hex[:8]}"


@pytest.fixture
def eventually():
    """Call it with a condition that must become true and still be true shortly after."""

    def wait(condition, *, settle_seconds=0.1):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "did not happen in time"
            eventlet.sleep(0.005)
        eventlet.sleep(settle_seconds)
        assert condition(), "happened, and then too much happened"

    return wait
