"""The pytest plugin of the repository (``-p testkit.pytest_plugin``): private servers, and checks for tools.

A test asks for a server by fixture. The server starts with the first such test and runs until the end, so a
run without such tests starts none. What is not installed is named at the end of the run, with the command
that installs it. Under ``CI=true`` it is a failure, because nobody would notice a skipped test there.
"""

# nameko is built on eventlet, so everything in the process must use cooperative sockets and locks, as in the
# processes that run services. What was imported before this line would keep the blocking kind. Tests of plain
# processes (the RADIUS listener, gunicorn) are not affected, since they start those as children.
import eventlet

eventlet.monkey_patch()

import gc  # noqa: E402
import secrets  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from servicekit import membus, nameko_patches  # noqa: E402
from servicekit.private_postgres import PrivatePostgres  # noqa: E402
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port  # noqa: E402

from testkit.pytest_tools import (  # noqa: E402
    TOOLS,
    Tool,
    free_port,
    pytest_collection_finish,
    pytest_terminal_summary,
    require,
    server_directory,
)
from testkit.shared_servers import shared_postgres, shared_rabbitmq  # noqa: E402

__all__ = [
    "TOOLS",
    "Tool",
    "free_port",
    "pytest_collection_finish",
    "pytest_terminal_summary",
    "require",
    "server_directory",
]

membus.register()
nameko_patches.apply()

gc.set_threshold(50_000)  # as the processes that run services: see servicekit.green


def pytest_unconfigure() -> None:
    gc.freeze()  # the process exits, and need not look for garbage first


@pytest.fixture(scope="session")
def rabbitmq(server_directory: Callable[[str], Path]) -> Iterator[PrivateRabbitMQ]:
    """A running RabbitMQ that all tests share; one that stops it uses its own."""
    require("rabbitmq")
    if shared := shared_rabbitmq():
        yield shared
        return
    node = PrivateRabbitMQ(server_directory("rabbitmq"), find_rabbitmq_port())
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def rabbitmq_vhost(rabbitmq: PrivateRabbitMQ) -> str:
    """The URL of a place on the shared RabbitMQ where the test module is alone."""
    return rabbitmq.add_vhost(f"test-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def postgres(server_directory: Callable[[str], Path]) -> Iterator[PrivatePostgres]:
    """A running PostgreSQL that all tests share, fast rather than durable."""
    require("postgres")
    if shared := shared_postgres():
        yield shared
        return
    server = PrivatePostgres(server_directory("postgres"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_postgres_database(postgres: PrivatePostgres) -> Iterator[Callable[[], str]]:
    """Call it for the URL of an empty database with an owner of its own; dropped after the test."""
    names: list[str] = []

    def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        names.append(name)
        return postgres.create_database(name, name, secrets.token_hex(8))

    yield make
    for name in names:
        postgres.drop_database(name)
