"""A real listener process and the parties that talk to it; and the control plane without a bus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from contracts.billing import BillingSettings, BillingSettingsChanged, SuspensionMode, TaxMode
from contracts.common import Envelope, Event
from contracts.money import Money
from contracts.radius import AttemptView, Radius, ReconnectView
from contracts.router import NasDeregistered, NasRegistered, RouterStatus, RouterView, SessionControl
from contracts.subscriber import (
    BillingTerms,
    BillingType,
    HoldReason,
    PlanChanged,
    PlanStatus,
    PlanView,
    ServiceChanged,
    ServiceCreated,
    ServiceEvent,
    ServiceHoldPlaced,
    ServiceHoldReleased,
    ServiceSnapshot,
    ServiceStatus,
    ServiceTerminated,
)
from radius_svc.dispatcher import follow_change
from radius_svc.domain.change_rules import SUSPENDED_CLASS
from radius_svc.models import ChangeStatus, IndexVersion, ListenerState, RadAcct, SessionChange
from radius_svc.service import RadiusService
from radius_svc.usecases.authorization import Account, NasClient, write_account, write_nas, write_plan_group
from radius_svc.usecases.following import rounds, strays
from servicekit.codec import to_wire
from servicekit.db import Database
from servicekit.ids import new_id
from servicekit.migrations import migrate
from servicekit.pytest_plugin import require
from servicekit.secrets import FieldCipher, new_key
from servicekit.testing import ServiceUnderTest, client_of, service_fixtures
from simulators.nas import Faults, NasSession, SimulatedNas
from sqlalchemy import select, update

SECRET = "nas-shared-secret"
STATUS_SECRET = "health-check-secret"
ENCRYPTION_KEY = new_key()
PLAN = {"Mikrotik-Rate-Limit": "10M/50M", "Framed-Pool": "subscribers", "Acct-Interim-Interval": "300"}


@pytest.fixture(params=["sqlite", "postgresql"])
def radius_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'radius.db'}"
    return request.getfixturevalue("make_postgres_database")()


@dataclass
class RadiusDatabase:
    """The control plane's side of the database."""

    database: Database
    cipher: FieldCipher = field(default_factory=lambda: FieldCipher(ENCRYPTION_KEY))
    versions: dict[str, int] = field(default_factory=dict)

    def limit(self, username: str, sessions: int) -> None:
        self.account(username, session_limit=sessions)

    def account(self, username: str, password: str = "clientPass", **changes: Any) -> None:
        """Write a login; the service is named after it unless `service_id` says otherwise."""
        service_id = changes.pop("service_id", f"service-{username}")
        self.versions[service_id] = self.versions.get(service_id, 0) + 1
        account = Account(
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
        """Until every listener answers by what was written last: the very next packet is answered anew."""

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


@pytest.fixture
def radius_database(radius_database_url: str) -> Iterator[RadiusDatabase]:
    """Migrated tables, one plan, one NAS at 127.0.0.1 and Juan."""
    database = Database(radius_database_url)
    migrate(database, "radius_svc")
    prepared = RadiusDatabase(database)
    prepared.plan()
    prepared.nas("127.0.0.1")
    prepared.account("juan")
    yield prepared
    database.engine.dispose()


@dataclass
class Listener:
    process: subprocess.Popen[bytes]
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
        """Whether a metric comes to be this number: what a worker counts it hands over once a second."""
        reached = lambda: True if self.metric(name, **labels) >= number else None  # noqa: E731
        wait_for(reached, what=f"{name} {labels} to be {number}")
        return self.metric(name, **labels) == number

    def worker(self, name: str) -> int:
        """The process that is this worker now, by what the supervisor said last."""
        said = [line for line in self.lines() if line["event"] == "worker started" and line["worker"] == name]
        return said[-1]["pid"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def wait_for(probe: Callable[[], Any], *, what: str, seconds: float = 60.0) -> Any:
    """Another process's doing can only be asked for; the answer that is not None."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture
def start_listener(
    radius_database_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Callable[..., Listener]]:
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
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "radius_svc", "listen"],
                env=os.environ | settings | environment,
                stderr=stream,
            )
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
    """Call it for a running NAS at 127.0.0.1, or with other settings."""
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
    """Call it with attributes; returns what FreeRADIUS's client received, or raises AssertionError."""
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


# The control plane, without a bus and without a listener

migrated, tested = service_fixtures("radius", "radius_svc")
CLASS_OF_THE_FENCE = "0x" + SUSPENDED_CLASS.encode().hex()


class ControlPlane:
    """What the other services tell radius-svc, what it asks of a simulated router, and what it shows."""

    def __init__(self, tested: ServiceUnderTest, nas: SimulatedNas) -> None:
        self.tested, self.runtime, self.clock, self.nas = tested, tested.runtime, tested.clock, nas
        self.api = client_of(Radius, RadiusService, self.runtime)
        self._service = RadiusService()
        self._service.runtime = self.runtime
        self._addresses = 0
        self.fiber = self.plan()
        self.register()
        self.settings()

    # Facts from other services

    def hear(self, *events: Event, times: int = 1) -> None:
        """As the bus brings them, in this order; `times` is how often each comes."""
        for event in events:
            self.hear_wire(type(event).name, event.subject, to_wire(event, type(event)), times)

    def hear_wire(self, name: str, subject: str, data: dict[str, Any], times: int = 1) -> None:
        """An event as it is written, perhaps by another version of its service."""
        envelope = Envelope(
            id=new_id(),
            type=name,
            occurred_at=self.runtime.now(),
            source="test",
            subject=subject,
            correlation_id="test",
            data=data,
        )
        for _ in range(times):
            self._service._inbox().receive(envelope)

    def plan(self, **changes: Any) -> PlanView:
        plan = PlanView(
            id=new_id(),
            version=1,
            name="Fiber 50 Mbps",
            price=Money(150_000),
            billing_type=BillingType.POSTPAID,
            download_kbps=50_000,
            upload_kbps=50_000,
            burst=None,
            address_pool=None,
            status=PlanStatus.ACTIVE,
            created_at=self.runtime.now(),
        )
        return replace(plan, **changes)

    def change_plan(self, **changes: Any) -> None:
        self.fiber = replace(self.fiber, version=self.fiber.version + 1, **changes)
        self.hear(PlanChanged(plan=self.fiber))

    def settings(self, mode: SuspensionMode = SuspensionMode.WALLED_GARDEN, version: int = 1) -> None:
        settings = BillingSettings(version, 1, 15, 5, True, mode, TaxMode.NON_VAT, "INV", "PHP")
        self.hear(BillingSettingsChanged(settings=settings))

    def register(
        self,
        version: int = 1,
        router_id: str = "router",
        control: SessionControl = SessionControl.DISCONNECT,
        secret: str = SECRET,
        **changes: Any,
    ) -> None:
        router = RouterView(
            id=router_id,
            version=version,
            name=router_id,
            status=RouterStatus.ONLINE,
            nas_address="127.0.0.1",
            coa_port=self.nas.coa_port,
            session_control=control,
            require_message_authenticator=True,
            created_at=self.runtime.now(),
        )
        encrypted = self.runtime.cipher.encrypt(secret, aad=router_id)
        self.hear(NasRegistered(router=replace(router, **changes), radius_secret_encrypted=encrypted))

    def deregister(self, version: int, router_id: str = "router") -> None:
        self.hear(NasDeregistered(router_id=router_id, version=version))

    def snapshot(self, username: str = "juan", **changes: Any) -> ServiceSnapshot:
        """A service nobody has told of yet."""
        service_id = new_id()
        service = ServiceSnapshot(
            id=service_id,
            version=1,
            subscriber_id=new_id(),
            pppoe_username=username,
            password_encrypted=self.runtime.cipher.encrypt("secret", aad=service_id),
            plan=self.fiber,
            router_id="router",
            static_ip=None,
            billing_terms=BillingTerms(),
            status=ServiceStatus.ACTIVE,
            activated_on=self.runtime.today(),
        )
        return replace(service, **changes)

    def service(self, username: str = "juan", **changes: Any) -> ServiceSnapshot:
        service = self.snapshot(username, **changes)
        self.hear(ServiceCreated(service=service))
        return service

    def change(self, service: ServiceSnapshot, **changes: Any) -> ServiceSnapshot:
        return self._tell(ServiceChanged, service, **changes)

    def hold(self, service: ServiceSnapshot) -> ServiceSnapshot:
        more = {"reason": HoldReason.OVERDUE}
        return self._tell(ServiceHoldPlaced, service, more, status=ServiceStatus.SUSPENDED)

    def release(self, service: ServiceSnapshot, **payment: Any) -> ServiceSnapshot:
        more = {"reason": HoldReason.OVERDUE, "released_at": self.runtime.now(), **payment}
        return self._tell(ServiceHoldReleased, service, more, status=ServiceStatus.ACTIVE)

    def terminate(self, service: ServiceSnapshot) -> ServiceSnapshot:
        return self._tell(ServiceTerminated, service, status=ServiceStatus.TERMINATED)

    def _tell(
        self, kind: type[ServiceEvent], service: ServiceSnapshot, more: Any = None, **changes: Any
    ) -> ServiceSnapshot:
        newer = replace(service, version=service.version + 1, **changes)
        self.hear(kind(service=newer, **(more or {})))
        return newer

    # The router's side

    def dial(self, service: ServiceSnapshot, *, fenced: bool = False, **row: Any) -> NasSession:
        """A session on the router, with its row; a later second begins."""
        self._addresses += 1
        number = self._addresses
        live = NasSession(
            username=service.pppoe_username,
            acct_session_id=f"8100000{number:x}",
            nas_port=number,
            calling_station_id="02:00:00:00:00:01",
            framed_ip_address=f"10.64.0.{number}",
            rate_limit=None,
            address_list=None,
            radius_class=None,
            interim_seconds=None,
            session_timeout_seconds=None,
            mppe_keys=None,
            started_at=time.monotonic(),
        )
        self.nas.begin(live)
        values = {
            "acctsessionid": live.acct_session_id,
            "acctuniqueid": f"unique-{number}",
            "username": service.pppoe_username,
            "nasipaddress": "127.0.0.1",
            "framedipaddress": live.framed_ip_address,
            "acctstarttime": self.runtime.now(),
            "acctupdatetime": self.runtime.now(),
            "received_at": self.runtime.now(),
            "service_id": service.id,
            "router_id": "router",
            "class_": CLASS_OF_THE_FENCE if fenced else None,
        }
        with self.runtime.transaction() as session:
            session.add(RadAcct(**values | row))
        self.clock.advance(seconds=1)
        return live

    def amend(self, live: NasSession, **values: Any) -> None:
        """What a later accounting packet writes into the session's row."""
        rows = update(RadAcct).where(RadAcct.acctsessionid == live.acct_session_id)
        with self.runtime.transaction() as session:
            session.execute(rows.values(**values))

    def stop(self, live: NasSession) -> None:
        self.amend(live, acctstoptime=self.runtime.now(), acctterminatecause="Admin-Reset")

    def listener(self, applied_seq: int, heard_at: datetime | None = None, name: str = "listener") -> None:
        state = ListenerState(id=name, applied_seq=applied_seq, heartbeat_at=heard_at or datetime.now(UTC))
        with self.runtime.transaction() as session:
            session.merge(state)

    # The dispatcher's work, a step at a time

    def due(self) -> list[int]:
        with self.runtime.reading() as session:
            return rounds.due_changes(session, per_router=25)

    def follow(self) -> None:
        """One round of every change that is due, until none is left."""
        while due := self.due():
            for change_id in due:
                follow_change(self.runtime, change_id)

    def wait_over(self) -> None:
        """The pauses before the next rounds are over."""
        waiting = update(SessionChange).where(SessionChange.status == ChangeStatus.PENDING)
        with self.runtime.transaction() as session:
            session.execute(waiting.values(next_round_at=datetime.now(UTC)))

    def look_for_strays(self) -> int:
        with self.runtime.transaction() as session:
            return strays.ask_strays(session, now=self.runtime.now())

    # What is shown

    def changes(self, service: ServiceSnapshot) -> list[SessionChange]:
        """The oldest first."""
        query = select(SessionChange).where(SessionChange.service_id == service.id)
        with self.runtime.reading() as session:
            return list(session.scalars(query.order_by(SessionChange.id)))

    def statuses(self, service: ServiceSnapshot) -> list[str]:
        return [change.status.value for change in self.changes(service)]

    def asked(self) -> list[str]:
        """What the router was asked, and has understood."""
        return [exchange.kind for exchange in self.nas.coa_exchanges]

    def attempts(self, service: ServiceSnapshot) -> list[AttemptView]:
        """The oldest first."""
        return self.api.list_attempts(service.id, 100, None).items[::-1]

    def reconnects(self, service: ServiceSnapshot | None = None) -> list[ReconnectView]:
        """Of one service or all, the newest first."""
        return self.api.list_reconnects(service.id if service else None, 100, None).items


@pytest.fixture
def control(tested: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """With a plan, a router that answers, and the walled garden."""
    monkeypatch.setattr("radius_svc.protocol.coa.WAITS_SECONDS", (0.05, 0.05))
    silent = Faults(lose_accounting=True)  # its rows are written by the test
    with SimulatedNas(secret=SECRET.encode(), auth_port=9, acct_port=9, faults=silent) as nas:
        yield ControlPlane(tested, nas)
