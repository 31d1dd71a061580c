"""radius-svc in memory. Tests put sessions, refused logins and the like into the world."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contracts.common import NotFound
from contracts.radius import (
    DisconnectResult,
    NasActivity,
    NasHealth,
    OnlineSample,
    ReconnectBucket,
    ReconnectTimes,
    RequestOutcome,
    ServiceState,
    SessionOrder,
    UsageDay,
)
from contracts.router import RouterStatus

from gateway_fakes.base import NOW, TODAY, Fake, begins, ordered, paged


class FakeRadius(Fake):
    def list_service_states(self, service_ids):
        """Behind by one version for as many calls as `radius_lag` says."""
        behind, self.world.radius_lag = self.world.radius_lag > 0, max(0, self.world.radius_lag - 1)
        return [self._state(service_id, behind=behind) for service_id in service_ids]

    def _state(self, service_id, *, behind):
        service = self.world.services.get(service_id)
        if service is None:
            return ServiceState(service_id, 0, False, None)
        live = [each for each in self.world.sessions if each.service_id == service_id and _is_open(each)]
        return ServiceState(service_id, service.version - behind, not behind, live[-1] if live else None)

    def list_sessions(self, query, limit, after):
        kept = [
            each
            for each in self.world.sessions
            if query.service_id in (None, each.service_id)
            and query.router_id in (None, each.router_id)
            and begins(query.text, each.username, each.framed_ip_address, each.calling_station_id)
            and (_is_open(each) or not query.open_only)
        ]
        key = (lambda each: each.username.lower()) if query.order is SessionOrder.USERNAME else None
        return paged(ordered(kept, key, descending=query.order is SessionOrder.NEWEST), limit, after)

    def count_open_sessions(self):
        return sum(_is_open(each) for each in self.world.sessions)

    def list_rejects(self, query, limit, after):
        kept = [
            each
            for each in self.world.rejects
            if query.service_id in (None, each.service_id)
            and begins(query.text, each.username, each.calling_station_id)
        ]
        return paged(kept, limit, after)

    def list_online_samples(self, hours):
        return [
            OnlineSample(NOW - timedelta(minutes=5 * age), self.count_open_sessions())
            for age in range(hours * 12, -1, -1)
        ]

    def list_usage(self, service_id, days):
        used = self.world.usage.get(service_id, 0)
        return [UsageDay(TODAY - timedelta(days=age), used, used // 10) for age in range(days - 1, -1, -1)]

    def list_line_events(self, service_ids, limit):
        return [event for event in self.world.line_events if event.service_id in service_ids][:limit]

    def disconnect_service(self, command):
        if command.service_id not in self.world.services:
            raise NotFound(f"RADIUS knows no service {command.service_id}")
        attempt = self.world.attempt
        return DisconnectResult(1, attempt.outcome is RequestOutcome.ACKED, [attempt])

    def list_attempts(self, service_id, limit, after):
        return paged(self.world.attempts.get(service_id, []), limit, after)

    def list_reconnects(self, service_id, limit, after):
        kept = [case for case in self.world.reconnects if service_id in (None, case.service_id)]
        return paged(kept, limit, after)

    def get_reconnect_times(self, days):
        buckets = [ReconnectBucket(limit, cases) for limit, cases in self.world.reconnect_buckets]
        cases = sum(bucket.cases for bucket in buckets)
        return ReconnectTimes(days, cases, 0, 412 if cases else None, 900 if cases else None, None, buckets)

    def list_nas_activity(self, router_ids):
        known = [self.world.routers[router_id] for router_id in router_ids if router_id in self.world.routers]
        return [
            replace(NasActivity(router.id, router.version, NasHealth.CONNECTED, NOW, 3), **self.world.heard)
            for router in known
            if router.status is not RouterStatus.DISABLED
        ]


def _is_open(session):
    return session.stopped_at is None
