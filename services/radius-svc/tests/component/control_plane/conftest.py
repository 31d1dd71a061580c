"""The control plane, without a bus and without a listener."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from contracts.billing import BillingSettingsChanged
from contracts.billing_settings import SuspensionMode
from contracts.common import Envelope, Event
from contracts.holds import HoldReason
from contracts.radius import AttemptView, Radius, ReconnectView
from contracts.router import NasDeregistered, NasRegistered, RouterStatus, RouterView, SessionControl
from contracts.subscriber import (
    PlanChanged,
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
from radius_svc.dispatcher import SessionChangeDispatcher
from radius_svc.domain.change_rules import SUSPENDED_CLASS
from radius_svc.models import ChangeStatus, ListenerState, RadAcct, SessionChange
from radius_svc.service import RadiusService
from radius_svc.usecases.following import rounds, strays
from radius_svc.usecases.following.asking import follow_change
from radius_svc.usecases.following.changes import request_kick
from servicekit.codec import to_wire
from servicekit.ids import new_id
from simulators.nas import Faults, NasSession, SimulatedNas
from sqlalchemy import select, update
from testkit import examples
from testkit.component import ServiceUnderTest, client_of

from ..conftest import SECRET

# For facts about packets and answers, which no database changes. Most tests run on both.
ON_SQLITE = pytest.mark.parametrize("tested", ["sqlite"], indirect=True)
CLASS_OF_THE_FENCE = "0x" + SUSPENDED_CLASS.encode().hex()


class ControlPlane:
    """Publishes events to radius-svc, simulates a router, runs the dispatcher, and reads what is shown."""

    def __init__(self, tested: ServiceUnderTest, nas: SimulatedNas) -> None:
        self.tested, self.runtime, self.clock, self.nas = tested, tested.runtime, tested.clock, nas
        self.api = client_of(Radius, RadiusService, self.runtime)
        self._service = RadiusService()
        self._service.runtime = self.runtime
        self._addresses = 0
        self.fiber = self.plan()
        self.register()
        self.settings()

    # Events of other services

    def handle(self, *events: Event, times: int = 1) -> None:
        """Handle these events in this order, each of them `times` times."""
        for event in events:
            self.handle_wire(type(event).name, event.subject, to_wire(event, type(event)), times)

    def handle_wire(self, name: str, subject: str, data: dict[str, Any], times: int = 1) -> None:
        """Handle an event in its wire format, which may be from another version of its service."""
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
        return examples.a_plan(**changes)

    def change_plan(self, **changes: Any) -> None:
        self.fiber = replace(self.fiber, version=self.fiber.version + 1, **changes)
        self.handle(PlanChanged(plan=self.fiber))

    def settings(self, mode: SuspensionMode = SuspensionMode.WALLED_GARDEN, version: int = 1) -> None:
        settings = examples.billing_settings(version=version, suspension_mode=mode)
        self.handle(BillingSettingsChanged(settings=settings))

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
        self.handle(NasRegistered(router=replace(router, **changes), radius_secret_encrypted=encrypted))

    def deregister(self, version: int, router_id: str = "router") -> None:
        self.handle(NasDeregistered(router_id=router_id, version=version))

    def snapshot(self, username: str = "juan", **changes: Any) -> ServiceSnapshot:
        """A service that has not been published yet."""
        service = examples.a_service(pppoe_username=username, plan=self.fiber)
        password = self.runtime.cipher.encrypt("secret", aad=service.id)
        return replace(service, password_encrypted=password, **changes)

    def service(self, username: str = "juan", **changes: Any) -> ServiceSnapshot:
        service = self.snapshot(username, **changes)
        self.handle(ServiceCreated(service=service))
        return service

    def change(self, service: ServiceSnapshot, **changes: Any) -> ServiceSnapshot:
        return self._publish(ServiceChanged, service, **changes)

    def hold(self, service: ServiceSnapshot) -> ServiceSnapshot:
        more = {"reason": HoldReason.OVERDUE}
        return self._publish(ServiceHoldPlaced, service, more, status=ServiceStatus.SUSPENDED)

    def release(self, service: ServiceSnapshot, **payment: Any) -> ServiceSnapshot:
        more = {"reason": HoldReason.OVERDUE, "released_at": self.runtime.now(), **payment}
        return self._publish(ServiceHoldReleased, service, more, status=ServiceStatus.ACTIVE)

    def terminate(self, service: ServiceSnapshot) -> ServiceSnapshot:
        return self._publish(ServiceTerminated, service, status=ServiceStatus.TERMINATED)

    def _publish(
        self, kind: type[ServiceEvent], service: ServiceSnapshot, more: Any = None, **changes: Any
    ) -> ServiceSnapshot:
        newer = replace(service, version=service.version + 1, **changes)
        self.handle(kind(service=newer, **(more or {})))
        return newer

    # The router

    def dial(self, service: ServiceSnapshot, *, fenced: bool = False, **row: Any) -> NasSession:
        """Start a session on the router, and write its row. Then a second passes."""
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
        """Write into the session's row what a later accounting packet would."""
        rows = update(RadAcct).where(RadAcct.acctsessionid == live.acct_session_id)
        with self.runtime.transaction() as session:
            session.execute(rows.values(**values))

    def stop(self, live: NasSession) -> None:
        self.amend(live, acctstoptime=self.runtime.now(), acctterminatecause="Admin-Reset")

    def listener(self, applied_seq: int, heard_at: datetime | None = None, name: str = "listener") -> None:
        state = ListenerState(id=name, applied_seq=applied_seq, heartbeat_at=heard_at or datetime.now(UTC))
        with self.runtime.transaction() as session:
            session.merge(state)

    # The dispatcher, step by step

    def due(self) -> list[int]:
        with self.runtime.reading() as session:
            return rounds.due_changes(session, per_router=25)

    def follow(self) -> None:
        """Run rounds of all changes that are due, until there are none."""
        while due := self.due():
            for change_id in due:
                follow_change(self.runtime, change_id)

    def kick(self, service: ServiceSnapshot) -> None:
        """Request the disconnect of the service's sessions, as an operator does."""
        with self.runtime.transaction() as session:
            request_kick(session, service.id, now=self.runtime.now())

    def end_pauses(self) -> None:
        """End the pauses before the next rounds."""
        waiting = update(SessionChange).where(SessionChange.status == ChangeStatus.PENDING)
        with self.runtime.transaction() as session:
            session.execute(waiting.values(next_round_at=datetime.now(UTC)))

    def look_for_strays(self) -> int:
        with self.runtime.transaction() as session:
            return strays.request_changes_of_strays(session, now=self.runtime.now())

    # Reading

    def changes(self, service: ServiceSnapshot) -> list[SessionChange]:
        """The oldest first."""
        query = select(SessionChange).where(SessionChange.service_id == service.id)
        with self.runtime.reading() as session:
            return list(session.scalars(query.order_by(SessionChange.id)))

    def statuses(self, service: ServiceSnapshot) -> list[str]:
        return [change.status.value for change in self.changes(service)]

    def asked(self) -> list[str]:
        """The kinds of requests the router received and understood."""
        return [exchange.kind for exchange in self.nas.coa_exchanges]

    def row(self, live: NasSession) -> RadAcct:
        """The session's row."""
        query = select(RadAcct).where(RadAcct.acctsessionid == live.acct_session_id)
        with self.runtime.reading() as session:
            return session.scalars(query).one()

    def outcomes(self, service: ServiceSnapshot) -> list[tuple[str, str, int | None]]:
        """Kind, outcome and Error-Cause of each request, the oldest first."""
        return [(a.kind.value, a.outcome.value, a.error_cause) for a in self.attempts(service)]

    def attempts(self, service: ServiceSnapshot) -> list[AttemptView]:
        """The oldest first."""
        return self.api.list_attempts(service.id, 100, None).items[::-1]

    def reconnects(self, service: ServiceSnapshot | None = None) -> list[ReconnectView]:
        """The reconnects of one service or of all, the newest first."""
        return self.api.list_reconnects(service.id if service else None, 100, None).items


def make_dispatcher(runtime: Any) -> SessionChangeDispatcher:
    """A dispatcher that is not run by a container."""

    class Shared:
        pass

    class Container:
        def spawn_managed_thread(self, *_arguments, **_named):
            pass

    made = SessionChangeDispatcher()
    shared = Shared()
    shared.runtime = getattr(runtime, "runtime", runtime)
    made.shared, made.container = shared, Container()
    made.start()
    return made


@pytest.fixture
def control(tested: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """A control plane with a plan, a router that answers, and the walled garden."""
    monkeypatch.setattr("radius_svc.protocol.coa.WAITS_SECONDS", (0.05, 0.05))
    silent = Faults(lose_accounting=True)  # its rows are written by the test
    with SimulatedNas(secret=SECRET.encode(), auth_port=9, acct_port=9, faults=silent) as nas:
        yield ControlPlane(tested, nas)
