"""subscriber-svc in memory."""

from __future__ import annotations

from dataclasses import replace

from contracts.common import Conflict, InvalidInput
from contracts.subscriber import (
    HoldChange,
    HoldView,
    PlanStatus,
    PlanView,
    RevealedPassword,
    ServiceCounts,
    ServiceStatus,
    ServiceView,
    SubscriberOrder,
    SubscriberView,
)

from gateway_fakes.base import NOW, TODAY, Fake, matches, paged


class FakeSubscriber(Fake):
    def create_plan(self, command):
        return self.world.once(command, lambda: self._make_plan(command))

    def _make_plan(self, command):
        if any(plan.name == command.name for plan in self.world.plans.values()):
            raise Conflict(f"a plan named {command.name} exists")
        plan = PlanView(
            id=self.world.new_id("plan"),
            version=1,
            name=command.name,
            price=command.price,
            billing_type=command.billing_type,
            download_kbps=command.download_kbps,
            upload_kbps=command.upload_kbps,
            burst=command.burst,
            address_pool=command.address_pool,
            status=PlanStatus.ACTIVE,
            created_at=NOW,
        )
        self.world.plans[plan.id] = plan
        return plan

    def change_plan(self, command):
        plan = self._known(self.world.plans, command.plan_id)
        changes = {
            name: getattr(command, name)
            for name in ("name", "price", "download_kbps", "upload_kbps")
            if getattr(command, name) is not None
        }
        self.world.plans[plan.id] = replace(plan, version=plan.version + 1, **changes)
        return self.world.plans[plan.id]

    def archive_plan(self, command):
        plan = self._known(self.world.plans, command.plan_id)
        self.world.plans[plan.id] = replace(plan, status=PlanStatus.ARCHIVED)
        return self.world.plans[plan.id]

    def get_plan(self, plan_id):
        return self._known(self.world.plans, plan_id)

    def list_plans(self, limit, after):
        return paged(list(self.world.plans.values()), limit, after)

    def create_subscriber(self, command):
        return self.world.once(command, lambda: self._make_subscriber(command))

    def _make_subscriber(self, command):
        subscriber_id = self.world.new_id("subscriber")
        found = SubscriberView(
            id=subscriber_id,
            short_id=f"short{subscriber_id.split('-')[1]}",
            full_name=command.full_name,
            email=command.email,
            phone=command.phone,
            address=command.address,
            notes=command.notes,
            services=[],
            created_at=NOW,
        )
        if command.service is not None:
            found.services.append(self._make_service(subscriber_id, command.service, "service."))
        self.world.subscribers[subscriber_id] = found
        return found

    def _make_service(self, subscriber_id, new, prefix=""):
        if any(known.pppoe_username == new.pppoe_username for known in self.world.services.values()):
            raise InvalidInput.of(f"{prefix}pppoe_username", "is used by another service")
        plan = self.world.plans.get(new.plan_id)
        if plan is None:
            raise InvalidInput.of(f"{prefix}plan_id", "names no plan")
        service = ServiceView(
            id=self.world.new_id("service"),
            version=1,
            subscriber_id=subscriber_id,
            pppoe_username=new.pppoe_username,
            plan_id=new.plan_id,
            plan_name=plan.name,
            router_id=new.router_id,
            static_ip=new.static_ip,
            billing_terms=new.billing_terms,
            status=ServiceStatus.ACTIVE,
            holds=[],
            activated_on=TODAY,
            terminated_at=None,
            created_at=NOW,
            session_limit=new.session_limit,
        )
        self.world.services[service.id] = service
        return service

    def change_subscriber(self, command):
        found = self._known(self.world.subscribers, command.subscriber_id)
        names = ("full_name", "email", "phone", "address", "notes")
        changes = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
        self.world.subscribers[found.id] = replace(found, **changes)
        return self.get_subscriber(found.id)

    def get_subscriber(self, subscriber_id):
        found = self._known(self.world.subscribers, subscriber_id)
        mine = [each for each in self.world.services.values() if each.subscriber_id == subscriber_id]
        return replace(found, services=mine)

    def find_subscriber_by_short_id(self, short_id):
        for found in self.world.subscribers.values():
            if found.short_id == short_id:
                return self.get_subscriber(found.id)
        return None

    def list_subscribers(self, query, limit, after):
        every = [self.get_subscriber(found) for found in self.world.subscribers]
        kept = [found for found in every if matches(query.text, found.full_name)]
        if query.status is not None:
            kept = [found for found in kept if query.status in {service.status for service in found.services}]
        if query.order is not SubscriberOrder.NEWEST:
            backwards = query.order is SubscriberOrder.NAME_DESCENDING
            kept.sort(key=lambda found: found.full_name, reverse=backwards)
        return paged(kept, limit, after)

    def count_services(self):
        statuses = [service.status for service in self.world.services.values()]
        return ServiceCounts(*(statuses.count(status) for status in ServiceStatus))

    def list_hold_changes(self, limit):
        placed = [
            (service, hold, hold.placed_at, hold.placed_by, False)
            for service in self.world.services.values()
            for hold in service.holds
        ]
        released = [
            (service, hold, hold.released_at, hold.released_by or "", True)
            for service, hold, *_ in placed
            if hold.released_at is not None
        ]
        return [
            HoldChange(
                at=at,
                released=is_released,
                by=by,
                reason=hold.reason,
                note=hold.note,
                service_id=service.id,
                pppoe_username=service.pppoe_username,
                subscriber_id=service.subscriber_id,
                subscriber_name=self.world.subscribers[service.subscriber_id].full_name,
            )
            for service, hold, at, by, is_released in [*released, *placed][:limit]
        ]

    def reveal_password(self, command):
        service = self._known(self.world.services, command.service_id)
        return RevealedPassword(service.id, service.pppoe_username, self.world.passwords.get(service.id, ""))

    def add_service(self, command):
        self._known(self.world.subscribers, command.subscriber_id)
        return self.world.once(command, lambda: self._make_service(command.subscriber_id, command.service))

    def change_service(self, command):
        service = self._known(self.world.services, command.service_id)
        names = ("pppoe_username", "plan_id", "router_id", "static_ip", "billing_terms", "session_limit")
        changes = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
        changes |= dict.fromkeys(command.clear)
        return self._keep(replace(service, **changes))

    def terminate_service(self, command):
        service = self._known(self.world.services, command.service_id)
        return self._keep(replace(service, status=ServiceStatus.TERMINATED, terminated_at=NOW))

    def get_service(self, service_id):
        return self._known(self.world.services, service_id)

    def place_hold(self, command):
        service = self._known(self.world.services, command.service_id)
        hold = HoldView(
            id=self.world.new_id("hold"),
            reason=command.reason,
            placed_by=command.actor,
            placed_at=NOW,
            note=command.note,
            released_at=None,
            released_by=None,
        )
        return self._keep(replace(service, holds=[*service.holds, hold], status=ServiceStatus.SUSPENDED))

    def release_hold(self, command):
        service = self._known(self.world.services, command.service_id)
        holds = [
            replace(hold, released_at=NOW, released_by=command.actor) if hold.id == command.hold_id else hold
            for hold in service.holds
        ]
        standing = [hold for hold in holds if hold.released_at is None]
        status = ServiceStatus.SUSPENDED if standing else ServiceStatus.ACTIVE
        return self._keep(replace(service, holds=holds, status=status))

    def _keep(self, service):
        self.world.services[service.id] = replace(service, version=service.version + 1)
        return self.world.services[service.id]
