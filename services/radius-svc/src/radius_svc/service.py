"""The nameko service, RADIUS's control plane: RPC and events in, use cases called. Translation only.

The packets are answered elsewhere, by the listener processes (radius_svc.listener).
"""

from __future__ import annotations

import time

import eventlet
from contracts.billing import BillingSettingsChanged
from contracts.common import NotFound, Page
from contracts.radius import (
    AttemptView,
    DisconnectResult,
    DisconnectService,
    NasActivity,
    Radius,
    ReconnectView,
    ServiceState,
    SessionView,
)
from contracts.router import NasDeregistered, NasRegistered
from contracts.subscriber import (
    PlanChanged,
    ServiceChanged,
    ServiceCreated,
    ServiceEvent,
    ServiceHoldPlaced,
    ServiceHoldReleased,
    ServiceTerminated,
)
from servicekit.events import handles
from servicekit.rpc import serves
from servicekit.service import Service
from sqlalchemy.orm import Session

from radius_svc import queries
from radius_svc.dispatcher import SessionChangeDispatcher
from radius_svc.domain.change_rules import is_settled
from radius_svc.models import RadiusAccount
from radius_svc.usecases import following, listeners, provisioning

KICK_SECONDS = 8.0
KICK_POLL_SECONDS = 0.02


@serves(Radius)
class RadiusService(Service):
    dispatcher = SessionChangeDispatcher()

    def check(self) -> dict[str, str]:
        parts = super().check()
        if parts["database"] == "ok":
            with self.runtime.reading() as session:
                parts["listener"] = listeners.health(session)
        return parts

    def list_service_states(self, service_ids: list[str]) -> list[ServiceState]:
        with self.runtime.reading() as session:
            return queries.list_service_states(session, service_ids)

    def list_sessions(
        self, open_only: bool, service_id: str | None, limit: int, after: str | None
    ) -> Page[SessionView]:
        with self.runtime.reading() as session:
            return queries.list_sessions(session, open_only, service_id, limit, after)

    def count_open_sessions(self) -> int:
        with self.runtime.reading() as session:
            return queries.count_open_sessions(session)

    def disconnect_service(self, command: DisconnectService) -> DisconnectResult:
        with self.runtime.transaction() as session:
            if session.get(RadiusAccount, command.service_id) is None:
                raise NotFound(f"RADIUS knows no service {command.service_id}")
            change = provisioning.ask_to_kick(session, command.service_id, now=self.runtime.now())
            sessions = following.count_live_sessions(session, command.service_id)
        deadline = time.monotonic() + KICK_SECONDS
        while time.monotonic() < deadline:
            eventlet.sleep(KICK_POLL_SECONDS)
            with self.runtime.reading() as session:
                attempts = queries.attempts_of_change(session, change.id)
                if following.had_a_round(session, change.id):
                    break
        settled = [attempt for attempt in attempts if is_settled(attempt.outcome, attempt.error_cause)]
        return DisconnectResult(sessions=sessions, disconnected=len(settled) >= sessions, attempts=attempts)

    def list_attempts(self, service_id: str, limit: int, after: str | None) -> Page[AttemptView]:
        with self.runtime.reading() as session:
            return queries.list_attempts(session, service_id, limit, after)

    def list_reconnects(self, service_id: str, limit: int, after: str | None) -> Page[ReconnectView]:
        with self.runtime.reading() as session:
            return queries.list_reconnects(session, service_id, limit, after)

    def list_nas_activity(self, router_ids: list[str]) -> list[NasActivity]:
        with self.runtime.reading() as session:
            return queries.list_nas_activity(session, router_ids, self.runtime.now())

    @handles(ServiceCreated, ServiceChanged, ServiceTerminated, ServiceHoldPlaced)
    def on_service_changed(self, session: Session, event: ServiceEvent) -> None:
        provisioning.keep_service(session, event.service, cipher=self.runtime.cipher, now=self.runtime.now())

    @handles(ServiceHoldReleased)
    def on_hold_released(self, session: Session, event: ServiceHoldReleased) -> None:
        provisioning.keep_service(
            session, event.service, cipher=self.runtime.cipher, now=self.runtime.now(), released=event
        )

    @handles(PlanChanged)
    def on_plan_changed(self, session: Session, event: PlanChanged) -> None:
        provisioning.keep_plan(session, event.plan, now=self.runtime.now())

    @handles(BillingSettingsChanged)
    def on_settings_changed(self, session: Session, event: BillingSettingsChanged) -> None:
        provisioning.keep_settings(session, event.settings)

    @handles(NasRegistered)
    def on_nas_registered(self, session: Session, event: NasRegistered) -> None:
        provisioning.keep_nas(session, event, cipher=self.runtime.cipher)

    @handles(NasDeregistered)
    def on_nas_deregistered(self, session: Session, event: NasDeregistered) -> None:
        provisioning.forget_nas(session, event)
