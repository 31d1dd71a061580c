"""The control plane of RADIUS as a nameko service: translates RPC calls and events into use cases.

RADIUS packets are answered by separate processes (radius_svc.listener).
"""

from __future__ import annotations

from contracts.billing import BillingSettingsChanged
from contracts.common import Page
from contracts.radius import (
    AttemptView,
    DisconnectResult,
    DisconnectService,
    LineEvent,
    NasActivity,
    OnlineSample,
    Radius,
    ReconnectTimes,
    ReconnectView,
    RejectQuery,
    RejectView,
    ServiceState,
    SessionQuery,
    SessionView,
    UsageDay,
)
from contracts.router import NasDeregistered, NasRegistered
from contracts.subscriber import (
    PlanChanged,
    ServiceChanged,
    ServiceCreated,
    ServiceEvent,
    ServiceExempted,
    ServiceExemptionEnded,
    ServiceHoldPlaced,
    ServiceHoldReleased,
    ServiceTerminated,
)
from nameko.timer import timer
from servicekit.clock import machine_now
from servicekit.events import handles
from servicekit.ids import new_id
from servicekit.service import Service, serves
from servicekit.settings import ServiceSettings
from sqlalchemy.orm import Session

from radius_svc import jobs
from radius_svc.dispatcher import SessionChangeDispatcher
from radius_svc.queries import (
    accounts,
    attempts,
    line_events,
    listeners,
    nas,
    reconnects,
    rejects,
    sessions,
    usage,
)
from radius_svc.settings import RadiusSettings
from radius_svc.usecases import disconnects, provisioning
from radius_svc.usecases.provisioning import Release

PROCESS = new_id()  # the holder of leases


@serves(Radius)
class RadiusService(Service):
    settings_type: type[ServiceSettings] = RadiusSettings
    dispatcher = SessionChangeDispatcher()

    def check(self) -> dict[str, str]:
        parts = super().check()
        # FreeRADIUS does not report to this database, so its health is unknown.
        if parts["database"] == "ok" and not self.runtime.settings.freeradius_in_front:
            with self.runtime.reading() as session:
                parts["listener"] = listeners.health(session)
        return parts

    @timer(interval=1)
    def note_reconnects(self) -> None:
        jobs.note_reconnects(self.runtime, lately=True)

    @timer(interval=300)
    def note_old_reconnects(self) -> None:
        jobs.note_reconnects(self.runtime, lately=False)

    @timer(interval=60)
    def count_usage(self) -> None:
        jobs.count_usage(self.runtime, PROCESS)

    @timer(interval=60)
    def close_silent_sessions(self) -> None:
        jobs.close_silent_sessions(self.runtime, PROCESS)

    @timer(interval=60)
    def delete_old(self) -> None:
        jobs.delete_old(self.runtime, PROCESS)

    @timer(interval=30, eager=True)
    def sample_online(self) -> None:
        jobs.sample_online(self.runtime, machine_now())

    def list_service_states(self, service_ids: list[str]) -> list[ServiceState]:
        with self.runtime.reading() as session:
            return accounts.list_service_states(session, service_ids)

    def list_sessions(self, query: SessionQuery, limit: int, after: str | None) -> Page[SessionView]:
        with self.runtime.reading() as session:
            return sessions.list_sessions(session, query, limit, after)

    def count_open_sessions(self) -> int:
        with self.runtime.reading() as session:
            return sessions.count_open_sessions(session)

    def list_rejects(self, query: RejectQuery, limit: int, after: str | None) -> Page[RejectView]:
        with self.runtime.reading() as session:
            return rejects.list_rejects(session, query, limit, after)

    def list_online_samples(self, hours: int) -> list[OnlineSample]:
        with self.runtime.reading() as session:
            return usage.list_online_samples(session, hours, now=machine_now())

    def list_usage(self, service_id: str, days: int) -> list[UsageDay]:
        with self.runtime.reading() as session:
            return usage.list_usage(session, service_id, days, today=self.runtime.today())

    def list_line_events(self, service_ids: list[str], limit: int) -> list[LineEvent]:
        with self.runtime.reading() as session:
            return line_events.list_line_events(session, service_ids, limit)

    def disconnect_service(self, command: DisconnectService) -> DisconnectResult:
        return disconnects.disconnect_service(self.runtime, command)

    def list_attempts(self, service_id: str, limit: int, after: str | None) -> Page[AttemptView]:
        with self.runtime.reading() as session:
            return attempts.list_attempts(session, service_id, limit, after)

    def list_reconnects(self, service_id: str | None, limit: int, after: str | None) -> Page[ReconnectView]:
        with self.runtime.reading() as session:
            return reconnects.list_reconnects(session, service_id, limit, after)

    def get_reconnect_times(self, days: int) -> ReconnectTimes:
        with self.runtime.reading() as session:
            return reconnects.get_reconnect_times(session, days, now=self.runtime.now())

    def list_nas_activity(self, router_ids: list[str]) -> list[NasActivity]:
        with self.runtime.reading() as session:
            return nas.list_nas_activity(session, router_ids, self.runtime.now())

    @handles(ServiceCreated, ServiceChanged, ServiceTerminated, ServiceHoldPlaced, ServiceExemptionEnded)
    def on_service_changed(self, session: Session, event: ServiceEvent) -> None:
        """Let the login and its live sessions follow the service."""
        provisioning.keep_service(session, event.service, cipher=self.runtime.cipher, now=self.runtime.now())

    @handles(ServiceHoldReleased)
    def on_hold_released(self, session: Session, event: ServiceHoldReleased) -> None:
        """Give access back and time the reconnect from here."""
        self._give_back(session, event, Release(event.released_at, event.paid_at, event.payment_id))

    @handles(ServiceExempted)
    def on_exempted(self, session: Session, event: ServiceExempted) -> None:
        """Give access back until the exemption ends, and time the reconnect from here."""
        self._give_back(session, event, Release(event.exemption.starts_at))

    def _give_back(self, session: Session, event: ServiceEvent, released: Release) -> None:
        provisioning.keep_service(
            session, event.service, cipher=self.runtime.cipher, now=self.runtime.now(), released=released
        )

    @handles(PlanChanged)
    def on_plan_changed(self, session: Session, event: PlanChanged) -> None:
        """Use the new speed, for live sessions too."""
        provisioning.keep_plan(session, event.plan, now=self.runtime.now())

    @handles(BillingSettingsChanged)
    def on_settings_changed(self, session: Session, event: BillingSettingsChanged) -> None:
        """Put suspended services into the walled garden, or block them."""
        provisioning.keep_settings(session, event.settings)

    @handles(NasRegistered)
    def on_nas_registered(self, session: Session, event: NasRegistered) -> None:
        """Accept packets of the router, signed with its secret."""
        provisioning.keep_nas(session, event, cipher=self.runtime.cipher)

    @handles(NasDeregistered)
    def on_nas_deregistered(self, session: Session, event: NasDeregistered) -> None:
        """Drop the packets of the router."""
        provisioning.forget_nas(session, event)
