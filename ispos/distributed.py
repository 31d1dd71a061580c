"""Runs one process per service on RabbitMQ and PostgreSQL.

Uses the broker in AMQP_URL and the databases in <SVC>_DATABASE_URL. Starts private servers under the data
folder for those that are not set.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from servicekit.db import Database
from servicekit.logs import log
from servicekit.migrations import migrate
from servicekit.private_postgres import PrivatePostgres
from servicekit.private_process import PrivateServerError, find_free_port
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port, is_installed

from ispos.banner import banner
from ispos.keys import keep_private
from ispos.preflight import CannotStart, check_ports, data_dir_held
from ispos.processes import Child
from ispos.services import PACKAGES
from ispos.settings import LISTENER, Installation, environ_for, read_installation

TEND_SECONDS = 0.2
READY_SECONDS = 90.0
STOP_SECONDS = 40.0


def run(data_dir: Path) -> None:
    """Start everything, print the addresses, and keep it running until SIGTERM or Ctrl-C.

    Raises CannotStart if something prevents the start.
    """
    with data_dir_held(data_dir), ExitStack() as servers:
        environ = dict(os.environ)
        environ["ISPOS_DATA_DIR"] = str(data_dir)
        children = _children(environ, data_dir)
        for child in children.values():
            child.replace_orphan()
        check_ports(read_installation(environ))
        try:
            private = [
                *_provide_databases(environ, data_dir, servers),
                *_provide_broker(environ, data_dir, servers),
            ]
        except PrivateServerError as error:
            raise CannotStart(str(error)) from error
        servers.callback(databases_file(data_dir).unlink, missing_ok=True)
        keep_private(databases_file(data_dir), {name: environ[name] for name in _database_variables(environ)})
        settings = read_installation(environ)
        for service, package in PACKAGES.items():
            migrate(Database(settings.services[service].database_url), package)
        gc.freeze()  # see Host.start
        children = _children(environ, data_dir)
        if settings.radius.freeradius_in_front:
            del children[LISTENER]
        with _stop_requests() as stopping, _running(children):
            _wait_until_ready(settings, children, stopping)
            if not stopping:
                print(
                    banner(settings, processes={name: child.pid for name, child in children.items()}),
                    flush=True,
                )
            while not stopping:
                _tend(children)
                _tend_servers(private)
                time.sleep(TEND_SECONDS)
            print("Stopping ...", flush=True)
    print("Stopped.", flush=True)


def databases_file(data_dir: Path) -> Path:
    """The file that tells other commands the database addresses of a running distributed system."""
    return data_dir / "databases.env"


def _database_variables(environ: Mapping[str, str]) -> list[str]:
    return [
        f"{name.upper()}_DATABASE_URL" for name in PACKAGES if environ.get(f"{name.upper()}_DATABASE_URL")
    ]


def _provide_databases(
    environ: dict[str, str], data_dir: Path, servers: ExitStack
) -> list[PrivatePostgres | PrivateRabbitMQ]:
    """Set a database URL, with its own role and password, for each service that has none."""
    missing = [name for name in PACKAGES if not environ.get(f"{name.upper()}_DATABASE_URL")]
    if not missing:
        return []
    postgres = PrivatePostgres(data_dir / "postgres")
    servers.callback(postgres.stop)  # also when it is interrupted while it starts
    postgres.start()
    for name in missing:
        key = environ["ISPOS_SECRET_KEY"].encode()
        password = hmac.new(key, f"database of {name}".encode(), hashlib.sha256).hexdigest()
        environ[f"{name.upper()}_DATABASE_URL"] = postgres.create_database(name, name, password)
    return [postgres]


def _provide_broker(
    environ: dict[str, str], data_dir: Path, servers: ExitStack
) -> list[PrivatePostgres | PrivateRabbitMQ]:
    if environ.get("AMQP_URL"):
        return []
    if not is_installed():
        raise CannotStart(
            "RabbitMQ is missing. Install it with sudo apt-get install rabbitmq-server, "
            "or use your own broker: AMQP_URL=amqp://user:password@host:5672/ make run-distributed"
        )
    # The node keeps its queues under a name that contains its port, so the port is kept as well.
    kept = data_dir / "rabbitmq.port"
    text = kept.read_text() if kept.exists() else ""
    port = int(text) if text.isdigit() else find_rabbitmq_port()
    kept.write_text(str(port))
    rabbitmq = PrivateRabbitMQ(data_dir / "rabbitmq", port)
    servers.callback(rabbitmq.stop)
    rabbitmq.start()
    environ["AMQP_URL"] = rabbitmq.url
    return [rabbitmq]


def _children(environ: Mapping[str, str], data_dir: Path) -> dict[str, Child]:
    """The listener first and the gateway last, because people see the gateway."""
    pids = data_dir / "pids"
    own = environ_for(LISTENER, environ)
    children = {LISTENER: Child(LISTENER, ["radius_svc", "listen"], own, pids / LISTENER)}
    for service, package in PACKAGES.items():
        own = environ_for(service, environ)
        own["ISPOS_HEALTH_PORT"] = str(find_free_port())
        children[service] = Child(service, [package, "serve"], own, pids / service)
    return children


@contextmanager
def _running(children: Mapping[str, Child]) -> Iterator[None]:
    try:
        for child in children.values():
            child.start()
        yield
    finally:
        for child in children.values():
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children.values():
            child.wait_stopped(max(0.1, deadline - time.monotonic()))


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that receives SIGTERM and SIGINT. Afterwards both are ignored, so that stopping can finish."""
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: received.append(number))
    try:
        yield received
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)


def _tend(children: Mapping[str, Child]) -> None:
    for child in children.values():
        code = child.tend()
        if code is not None:
            log.error("process ended; restarting it", name=child.name, exit_code=code)


def _tend_servers(servers: Sequence[PrivatePostgres | PrivateRabbitMQ]) -> None:
    """Restart servers that ended. A failed restart is retried on the next call."""
    for server in servers:
        if server.is_running():
            continue
        log.error("private server ended; restarting it", server=type(server).__name__)
        try:
            server.start()
        except PrivateServerError as error:
            log.error("private server did not start", error=str(error))


def _wait_until_ready(settings: Installation, children: Mapping[str, Child], stopping: list[int]) -> None:
    print(f"Starting: RabbitMQ, PostgreSQL and {len(children)} processes ...", flush=True)
    deadline = time.monotonic() + READY_SECONDS
    wrong: object = "the gateway isn't responding"
    address = f"http://{settings.gateway.http_host}:{settings.gateway.http_port}/readyz"
    while not stopping:
        try:
            answer = requests.get(address, timeout=5)
            if answer.ok:
                return
            wrong = answer.json().get("wrong")
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            raise CannotStart(f"Startup did not finish within {READY_SECONDS:g} s: {wrong}")
        _tend(children)
        time.sleep(TEND_SECONDS)
