"""A real listener process, its database, and simulated routers."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from radius_svc.models import IndexVersion, ListenerState, RadAcct
from radius_svc.usecases.authorization import (
    AccountData,
    NasClient,
    write_account,
    write_nas,
    write_plan_group,
)
from servicekit.db import Database
from servicekit.secrets import FieldCipher, new_key
from simulators.nas import SimulatedNas
from sqlalchemy import select
from testkit.component import Migrated, sync_nothing
from testkit.pytest_plugin import require

from ..conftest import SECRET
from .launching import Forked, Launch, Starter
from .packets import exchange, report

STATUS_SECRET = "health-check-secret"
ENCRYPTION_KEY = new_key()
PLAN = {"Mikrotik-Rate-Limit": "10M/50M", "Framed-Pool": "subscribers", "Acct-Interim-Interval": "300"}


@dataclass
class RadiusDatabase:
    """Writes into the database what the control plane would."""

    database: Database
    cipher: FieldCipher = field(default_factory=lambda: FieldCipher(ENCRYPTION_KEY))
    versions: dict[str, int] = field(default_factory=dict)

    def limit(self, username: str, sessions: int) -> None:
        self.account(username, session_limit=sessions)

    def account(self, username: str, password: str = "clientPass", **changes: Any) -> None:
        """Write a login; the service is named after it unless `service_id` says otherwise."""
        service_id = changes.pop("service_id", f"service-{username}")
        self.versions[service_id] = self.versions.get(service_id, 0) + 1
        account = AccountData(
            service_id=service_id,
            version=self.versions[service_id],
            subscriber_id=f"subscriber-{username}",
            username=username,
            password=password,
            password_encrypted=self.cipher.encrypt(password, service_id),
            **{"plan_id": "fast"} | changes,
        )
        with self.database.transaction() as session:
            assert write_account(session, account)

    def nas(self, address: str, secret: str = SECRET, *, version: int = 1, **changes: Any) -> None:
        client = NasClient(
            router_id=f"router-{address}",
            version=version,
            address=address,
            name=f"nas-{address}",
            secret=secret,
            **changes,
        )
        with self.database.transaction() as session:
            assert write_nas(session, client)

    def plan(self, plan_id: str = "fast", version: int = 1, **replies: str) -> None:
        with self.database.transaction() as session:
            write_plan_group(session, plan_id, version, replies or PLAN)

    def wait_in_force(self) -> None:
        """Wait until every listener has read the last change, so that it applies to the next packet."""

        def applied() -> bool | None:
            with self.database.reading() as session:
                seq = session.scalar(select(IndexVersion.seq))
                applied = list(session.scalars(select(ListenerState.applied_seq)))
                return True if applied and min(applied) >= seq else None

        wait_for(applied, what="the listener to apply a change")

    def sessions(self) -> list[RadAcct]:
        """All sessions, the oldest first."""
        with self.database.reading() as session:
            rows = list(session.scalars(select(RadAcct).order_by(RadAcct.radacctid)))
            session.expunge_all()
            return rows


ON_POSTGRESQL = pytest.mark.parametrize("radius_database_url", ["postgresql"], indirect=True)
ON_BOTH = pytest.mark.parametrize("radius_database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def radius_database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> Iterator[str]:
    """The URL of a new, migrated database: SQLite, unless a test or module is marked ON_...

    Facts about packets need no other. Those about statements, locks and commits are shown on both.
    """
    if getattr(request, "param", "sqlite") == "sqlite":
        yield migrated.sqlite(tmp_path / "radius.db")
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{secrets.token_hex(6)}"
    yield migrated.new_postgresql(server, name)
    server.drop_database(name)


@pytest.fixture
def radius_database(radius_database_url: str) -> Iterator[RadiusDatabase]:
    """Migrated tables, one plan, one NAS at 127.0.0.1 and Juan."""
    database = Database(radius_database_url)
    sync_nothing(database)
    prepared = RadiusDatabase(database)
    prepared.plan()
    prepared.nas("127.0.0.1")
    prepared.account("juan")
    yield prepared
    database.engine.dispose()


@dataclass
class Listener:
    process: Forked | subprocess.Popen[bytes]
    log: Path
    auth_port: int = 0
    acct_port: int = 0
    metrics_port: int = 0

    def stop(self) -> int:
        self.process.terminate()
        return wait_for(self.process.poll, what="the listener to end")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as response:
            lines = response.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((name + "{", name + " ")) and all(label in line for label in wanted)
        )

    def counts(self, name: str, number: float, **labels: str) -> bool:
        """Wait until a metric has reached this number; workers update metrics once a second."""
        reached = lambda: True if self.metric(name, **labels) >= number else None  # noqa: E731
        wait_for(reached, what=f"{name} {labels} to be {number}", every=0.1)
        return self.metric(name, **labels) == number

    def worker(self, name: str) -> int:
        """The process id of this worker, according to the last log line of the supervisor."""
        started = [
            line for line in self.lines() if line["event"] == "worker started" and line["worker"] == name
        ]
        return started[-1]["pid"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def wait_for(probe: Callable[[], Any], *, what: str, seconds: float = 60.0, every: float = 0.01) -> Any:
    """Poll until `probe` returns something other than None, and return it. `every`: seconds in between."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    starter = Starter()
    yield starter
    starter.close()


@pytest.fixture
def launch(starter: Starter) -> Launch:
    """Starts the process of a listener. A test of the command itself starts that instead."""
    return lambda environment, log: Forked(starter, environment, log)


@pytest.fixture
def start_listener(
    radius_database_url: str, tmp_path: Path, free_port: Callable[[], int], launch: Launch
) -> Iterator[Callable[..., Listener]]:
    """Call it for a running listener, with these variables changed."""
    started: list[Listener] = []

    def start(**environment: str) -> Listener:
        log = tmp_path / f"listener-{len(started)}.log"
        metrics_port = free_port()
        settings = {
            "RADIUS_DATABASE_URL": radius_database_url,
            "ISPOS_ENCRYPTION_KEY": ENCRYPTION_KEY,
            "ISPOS_RADIUS_HOST": "127.0.0.1",
            "ISPOS_RADIUS_AUTH_PORT": "0",
            "ISPOS_RADIUS_ACCT_PORT": "0",
            "ISPOS_RADIUS_METRICS_PORT": str(metrics_port),
            "ISPOS_RADIUS_STATUS_SECRET": STATUS_SECRET,
            "ISPOS_RADIUS_SPOOL_DIR": str(tmp_path / "spool"),
        }
        process = launch(os.environ | settings | environment, log)
        listener = Listener(process, log, metrics_port=metrics_port)
        started.append(listener)
        ready = wait_for(lambda: _ready_line(listener), what="the listener")
        listener.auth_port, listener.acct_port = ready["auth_port"], ready["acct_port"]
        return listener

    yield start
    for listener in started:
        if listener.process.poll() is None:
            listener.stop()


def _ready_line(listener: Listener) -> dict[str, Any] | None:
    assert listener.process.poll() is None, listener.log.read_text()
    return next((line for line in listener.lines() if line["event"] == "radius listener ready"), None)


@pytest.fixture
def listener(radius_database: RadiusDatabase, start_listener: Callable[..., Listener]) -> Listener:
    return start_listener()


@pytest.fixture
def make_nas(listener: Listener) -> Iterator[Callable[..., SimulatedNas]]:
    """Call it to start a simulated NAS at 127.0.0.1, perhaps with other settings."""
    running: list[SimulatedNas] = []

    def make(listener: Listener = listener, **settings: Any) -> SimulatedNas:
        defaults = {"secret": SECRET.encode(), "timeout_seconds": 0.5, "tries": 2}
        nas = SimulatedNas(
            auth_port=listener.auth_port, acct_port=listener.acct_port, **defaults | settings
        ).start()
        running.append(nas)
        return nas

    yield make
    for nas in running:
        nas.close()


@pytest.fixture
def nas(make_nas: Callable[..., SimulatedNas]) -> SimulatedNas:
    return make_nas()


@pytest.fixture
def radclient(listener: Listener, tmp_path: Path) -> Callable[..., str]:
    """Call it with attributes; returns the output of FreeRADIUS's client."""
    require("radclient")

    def ask(attributes: str, kind: str = "auth", secret: str = SECRET, tries: int = 1) -> str:
        port = listener.acct_port if kind == "acct" else listener.auth_port
        request = tmp_path / "radclient.request"
        request.write_text(attributes)
        answer = tmp_path / "radclient.answer"
        with request.open() as stdin, answer.open("w") as stdout:
            subprocess.Popen(
                ["radclient", "-x", "-r", str(tries), "-t", "1", f"127.0.0.1:{port}", kind, secret],
                stdin=stdin,
                stdout=stdout,
                stderr=stdout,
            ).wait()
        return answer.read_text()

    return ask


@pytest.fixture
def send(listener: Listener) -> Callable[..., bytes]:
    """Send a report and receive its acknowledgment.

    Another one was answered before, so that on PostgreSQL the report is written in the background.
    """
    exchange(listener.acct_port, report("Accounting-On", ident=255))

    def send(status: str, session_id: str = "8100001c", **attributes) -> bytes:
        return exchange(listener.acct_port, report(status, session_id, **attributes))

    return send
