"""Databases and buses for the tests of the kit: SQLite with the embedded bus, PostgreSQL with RabbitMQ."""

import time
from dataclasses import replace

import eventlet
import pytest
from contracts.payment import Payment
from nameko.containers import ServiceContainer
from servicekit import membus
from servicekit.db import Database
from servicekit.rpc import Peer
from servicekit.runner import config_of
from servicekit.runtime import ServiceRuntime
from servicekit.settings import EMBEDDED_BUS, ServiceSettings, read_settings
from servicekit.tables import KitBase
from sqlalchemy import inspect

PATIENCE_SECONDS = 10


@pytest.fixture
def eventually():
    """Call it with a condition that must become true. Returns its value."""

    def wait(condition, seconds=PATIENCE_SECONDS):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, "did not happen in time"
            eventlet.sleep(0.005)
        return value

    return wait


@pytest.fixture
def postgres_url(make_postgres_database):
    return make_postgres_database()


@pytest.fixture
def open_database():
    """Call it with a URL for a Database that has the kit's tables."""
    opened = []

    def make(url, *metadata):
        database = Database(url)
        opened.append(database)
        for tables in (KitBase.metadata, *metadata):
            if not set(tables.tables) <= set(inspect(database.engine).get_table_names()):
                tables.create_all(database.engine)
        return database

    yield make
    for database in opened:
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, open_database):
    """An empty database of each kind, with the kit's tables."""
    if request.param == "sqlite":
        return open_database(f"sqlite:///{tmp_path / 'kit.db'}")
    return open_database(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["membus", "rabbitmq"])
def bus_url(request):
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbitmq_vhost")
    else:
        membus.reset()
        yield EMBEDDED_BUS
        membus.reset()


@pytest.fixture
def settings_of(bus_url, tmp_path):
    """Call it with the name of a service for settings on the bus, with changes."""

    def settings(service, **changes):
        defaults = read_settings(ServiceSettings, {"ISPOS_DATA_DIR": str(tmp_path)}, service=service)
        return replace(defaults, amqp_url=bus_url, **changes)

    return settings


@pytest.fixture
def start(settings_of):
    """Call it with a service class for a running container."""
    containers = []

    def start_container(service, databases=None, config=None, **changes):
        if databases:
            changes["database_url"] = databases[service.name]
        settings = settings_of(service.name, **changes)
        container = ServiceContainer(service, config=config_of(settings) | (config or {}))
        containers.append(container)
        container.start()
        return container

    yield start_container
    for container in containers:
        container.kill()


@pytest.fixture
def runtime_of():
    """Call it with a container for the Runtime of its service."""

    def find(container):
        return next(
            part for part in container.dependencies if isinstance(part, ServiceRuntime)
        ).shared.runtime

    return find


@pytest.fixture
def transport_on(start):
    """Call it with the URL of a bus for a transport that calls services there."""

    class Caller:
        name = "kitcaller"
        peer = Peer(Payment)  # only its transport is used

    def make(url):
        caller = start(Caller, config={"AMQP_URI": url})
        return next(part for part in caller.dependencies if isinstance(part, Peer)).transport.call

    return make


@pytest.fixture
def transport(transport_on, bus_url):
    """Sends calls over the bus."""
    return transport_on(bus_url)
