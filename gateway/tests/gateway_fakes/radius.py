"""radius-svc in memory."""

from __future__ import annotations

from datetime import timedelta

from contracts.radius import (
    AttemptView,
    DisconnectResult,
    NasActivity,
    NasHealth,
    OnlineSample,
    ReconnectBucket,
    ReconnectTimes,
    ReconnectView,
    RequestKind,
    RequestOutcome,
    ServiceState,
    UsageDay,
)
from contracts.router import RouterStatus

from gateway_fakes.base import NOW, TODAY, Fake, matches, paged


class FakeRadius(Fake):
    def list_service_states(self, service_ids):
        """Behind by one version for as many questions as `radius_lag` says."""
        behind, self.world.radius_lag = self.world.radius_lag > 0, max(0, self.world.radius_lag - 1)
        return [
            ServiceState(
                service_id,
                self.world.services[service_id].version - behind,
                not behind,
                next((each for each in self.world.sessions if each.service_id == service_id), None),
            )
            for service_id in service_ids
        ]

    def list_sessions(self, query, limit, after):
        kept = [
            each
            for each in self.world.sessions
            if query.service_id in (None, each.service_id)
            and query.router_id in (None, each.router_id)
            and matches(query.text, each.username, each.framed_ip_address or "")
        ]
        return paged([each for each in kept if not query.open_only or each.stopped_at is None], limit, after)

    def list_rejects(self, query, limit, after):
        kept = [
            each
            for each in self.world.rejects
            if query.service_id in (None, each.service_id) and matches(query.text, each.username)
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

    def get_reconnect_times(self, days):
        buckets = [ReconnectBucket(limit, cases) for limit, cases in self.world.reconnect_buckets]
        cases = sum(bucket.cases for bucket in buckets)
        return ReconnectTimes(days, cases, 0, 412 if cases else None, 900 if cases else None, None, buckets)

    def count_open_sessions(self):
        return sum(each.stopped_at is None for each in self.world.sessions)

    def disconnect_service(self, command):
        attempt = self.world.attempt
        return DisconnectResult(1, attempt.outcome is RequestOutcome.ACKED, [attempt])

    def list_attempts(self, service_id, limit, after):
        attempt = AttemptView(RequestKind.DISCONNECT, RequestOutcome.NACKED, 503, "no session", NOW, NOW)
        return paged([attempt], limit, after)

    def list_reconnects(self, service_id, limit, after):
        case = ReconnectView(
            id="reconnect-1",
            service_id=service_id or "service-1",
            username="pedro.reyes",
            payment_id="payment-1",
            paid_at=NOW,
            released_at=NOW,
            authorized_at=NOW,
            router_acked_at=NOW,
            online_at=NOW + timedelta(milliseconds=412),
            milliseconds=412,
            how="redial",
        )
        return paged([case], limit, after)

    def list_nas_activity(self, router_ids):
        known = [self.world.routers[router_id] for router_id in router_ids]
        return [
            NasActivity(router.id, router.version, NasHealth.CONNECTED, NOW, 3, **self.world.heard)
            for router in known
            if router.status is not RouterStatus.DISABLED
        ]
