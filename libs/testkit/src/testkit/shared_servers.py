"""python -m testkit.shared_servers COMMAND: run a command whose tests share one PostgreSQL and one RabbitMQ.

`make test` runs its parts at the same time with it, so that each part does not start servers of its own. What
is not installed is not started; the tests that need it say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from servicekit import private_postgres, private_rabbitmq
from servicekit.private_postgres import PrivatePostgres
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port

from testkit import pytest_tools  # noqa: F401  # puts temporary files into memory where there is enough

# Where the shared servers are, as PORT:DIRECTORY.
POSTGRES = "ISPOS_TEST_POSTGRES"
RABBITMQ = "ISPOS_TEST_RABBITMQ"

Server = PrivatePostgres | PrivateRabbitMQ


def shared_postgres() -> PrivatePostgres | None:
    """The running PostgreSQL that this test process shares with others, if it was given one."""
    place = _place(POSTGRES)
    return PrivatePostgres(place[1], port=place[0], durable=False) if place else None


def shared_rabbitmq() -> PrivateRabbitMQ | None:
    """The running RabbitMQ that this test process shares with others, if it was given one."""
    place = _place(RABBITMQ)
    return PrivateRabbitMQ(place[1], place[0]) if place else None


def _place(variable: str) -> tuple[int, Path] | None:
    port, _, directory = os.environ.get(variable, "").partition(":")
    return (int(port), Path(directory)) if port else None


def main(command: list[str]) -> int:
    """Start the servers, run the command and stop them. Returns the command's exit code."""
    with ExitStack() as running:
        if private_postgres.is_installed():
            _start(running, POSTGRES, lambda place: PrivatePostgres(place, durable=False))
        if private_rabbitmq.is_installed():
            _start(running, RABBITMQ, lambda place: PrivateRabbitMQ(place, find_rabbitmq_port()))
        return subprocess.call(command)  # noqa: S603 - the caller's own command


def _start(running: ExitStack, variable: str, make: Callable[[Path], Server]) -> None:
    directory = running.enter_context(_directory())
    server = make(directory)
    running.callback(server.stop)
    server.start()
    os.environ[variable] = f"{server.port}:{directory}"


@contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="shared-server-"))
    directory.chmod(0o755)  # under root, PostgreSQL runs as another user
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
