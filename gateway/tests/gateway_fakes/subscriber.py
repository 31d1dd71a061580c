"""subscriber-svc in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from contracts import account_number
from contracts.access import active_exemptions, status_of
from contracts.common import CommandWarning, Conflict, FieldError, InvalidInput, NotFound, check_confirmed
from contracts.holds import (
    DEFAULT_RESTORE_DAYS,
    MAX_RESTORE_DAYS,
    ExemptionKind,
    ExemptionView,
    HoldChange,
    HoldReason,
    HoldView,
)
from contracts.money import total
from contracts.subscriber import (
    BalanceList,
    PlanStatus,
    PlanView,
    RevealedPassword,
    ServiceOwner,
    ServiceStatus,
    ServiceView,
    SubscriberView,
)
from contracts.subscriber_lists import MoneyState, ServiceCounts, SubscriberOrder
from servicekit.edits import refuse_stale
from servicekit.paging import folded

from gateway_fakes.base import NOW, TODAY, Fake, contains, given, ordered, paged, refuse_taken

KEYS = {
    SubscriberOrder.NAME: lambda found: folded(found.full_name),
    SubscriberOrder.BALANCE: lambda found: found.balance.minor,
    SubscriberOrder.OLDEST_DUE: lambda found: found.oldest_due_on or date.max,
}


class FakeSubscriber(Fake):
    # Plans

    def create_plan(self, command):
        return self.world.once(command, lambda: self._make_plan(command))

    def _make_plan(self, command):
        refuse_taken(self._active_plans(), "name", command.name)
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
        refuse_taken((other for other in self._active_plans() if other.id != plan.id), "name", command.name)
        names = ("name", "price", "download_kbps", "upload_kbps", "burst", "address_pool")
        changes = {**given(command, *names), **dict.fromkeys(command.clear)}
        return self._keep_plan(plan, **self._edited(plan, command, **changes))

    def archive_plan(self, command):
        plan = self._known(self.world.plans, command.plan_id)
        return self._keep_plan(plan, status=PlanStatus.ARCHIVED)

    def _keep_plan(self, plan, **changes):
        self.world.plans[plan.id] = self._changed(plan, **changes)
        return self.world.plans[plan.id]

    def _active_plans(self):
        return [plan for plan in self.world.plans.values() if plan.status is PlanStatus.ACTIVE]

    def get_plan(self, plan_id):
        return self._known(self.world.plans, plan_id)

    def list_plans(self, limit, after):
        return paged(ordered(self.world.plans.values()), limit, after)

    # Subscribers

    def create_subscriber(self, command):
        return self.world.once(command, lambda: self._make_subscriber(command))

    def _make_subscriber(self, command):
        if command.service is not None:
            self._check_charge(command, command.service.plan_id, command.service.billing_terms)
        subscriber_id = self.world.new_id("subscriber")
        number = account_number.complete(account_number.FIRST + len(self.world.subscribers))
        if command.service is not None:
            try:
                self._make_service(subscriber_id, command.service)
            except InvalidInput as error:
                inner = [FieldError(f"service.{wrong.field}", wrong.message) for wrong in error.errors]
                raise InvalidInput(error.message, inner) from error
        self.world.subscribers[subscriber_id] = SubscriberView(
            id=subscriber_id,
            short_id=f"short{subscriber_id.split('-')[1]}",
            full_name=command.full_name,
            email=command.email,
            phone=command.phone,
            address=command.address,
            area=command.area,
            notes=command.notes,
            services=[],
            created_at=NOW,
            account_number=account_number.formatted(number),
        )
        return self.get_subscriber(subscriber_id)

    def change_subscriber(self, command):
        found = self._known(self.world.subscribers, command.subscriber_id)
        changes = given(command, "full_name", "email", "phone", "address", "area", "notes")
        self.world.subscribers[found.id] = replace(found, **self._edited(found, command, **changes))
        return self.get_subscriber(found.id)

    def renew_payment_page(self, command):
        return self.world.once(command, lambda: self._renew_payment_page(command))

    def _renew_payment_page(self, command):
        found = self._known(self.world.subscribers, command.subscriber_id)
        short_id = f"renewed{self.world.new_id('page').split('-')[1]}"
        self.world.subscribers[found.id] = replace(found, short_id=short_id)
        return self.get_subscriber(found.id)

    def get_subscriber(self, subscriber_id):
        found = self._known(self.world.subscribers, subscriber_id)
        its = [each for each in self.world.services.values() if each.subscriber_id == subscriber_id]
        owed = [each for each in self.world.invoices.values() if each.subscriber_id == subscriber_id]
        return replace(
            found,
            services=[self._named(service) for service in its],
            balance=self.world.billing.get_account(subscriber_id).balance,
            oldest_due_on=min((each.due_on for each in owed if each.balance.minor > 0), default=None),
        )

    def find_subscriber_by_short_id(self, short_id):
        for found in self.world.subscribers.values():
            if found.short_id == short_id:
                return self.get_subscriber(found.id)
        return None

    def list_subscribers(self, query, limit, after):
        return paged(self._listed(query), limit, after)

    def list_balances(self, query, limit, after):
        listed = self._listed(query)
        owed = total([found.balance for found in listed])
        return BalanceList(len(listed), owed, paged(listed, limit, after))

    def _listed(self, query):
        every = [self.get_subscriber(found) for found in self.world.subscribers]
        kept = [
            found
            for found in every
            if _has_text(found, query.text)
            and _has_service(found, query)
            and query.area in (None, found.area)
            and _has_money(found, query.money)
        ]
        key = KEYS.get(SubscriberOrder(query.order.removeprefix("-")))
        return ordered(kept, key, descending=query.order not in KEYS)

    def list_areas(self):
        return sorted({found.area for found in self.world.subscribers.values() if found.area}, key=folded)

    # Services

    def add_service(self, command):
        self._known(self.world.subscribers, command.subscriber_id)
        return self.world.once(command, lambda: self._make_service(command.subscriber_id, command.service))

    def _make_service(self, subscriber_id, new):
        self._check_choices(new)
        service = ServiceView(
            id=self.world.new_id("service"),
            version=1,
            subscriber_id=subscriber_id,
            pppoe_username=new.pppoe_username,
            plan_id=new.plan_id,
            plan_name=self.world.plans[new.plan_id].name,
            router_id=new.router_id,
            static_ip=new.static_ip,
            billing_terms=new.billing_terms,
            status=ServiceStatus.ACTIVE,
            holds=[],
            activated_on=TODAY,
            billed_from=new.billed_from or TODAY,
            terminated_at=None,
            created_at=NOW,
            session_limit=new.session_limit,
        )
        self.world.services[service.id] = service
        self.world.passwords[service.id] = new.pppoe_password
        return service

    def change_service(self, command):
        service = self._known_live(command.service_id)
        names = (
            "pppoe_username",
            "plan_id",
            "router_id",
            "static_ip",
            "session_limit",
            "billed_from",
        )
        changes = given(command, *names)
        refuse_stale(service.edit, command.version)
        if changes.get("plan_id") == service.plan_id:
            del changes["plan_id"]  # it may be archived by now
        self._check_choices(replace(command, plan_id=changes.get("plan_id")), service)
        if command.pppoe_password is not None:
            self.world.passwords[service.id] = command.pppoe_password
        terms = given(command, "individual_price", "discount")
        cleared = dict.fromkeys(command.clear)
        terms |= {name: cleared.pop(name) for name in ("individual_price", "discount") if name in cleared}
        changes["billing_terms"] = replace(service.billing_terms, **terms)
        self._check_charge(command, changes.get("plan_id", service.plan_id), changes["billing_terms"])
        return self._keep(service, **self._edited(service, command, **changes, **cleared))

    def _check_charge(self, command, plan_id, terms):
        """Raises NeedsConfirmation for terms that make a service free."""
        plan = self.world.plans.get(plan_id)
        if plan is not None and terms.discount is not None and not terms.charge(plan.price, TODAY).minor:
            warning = "The discount takes off the whole price."
            check_confirmed(command, [CommandWarning("discount_makes_it_free", warning)])

    def terminate_service(self, command):
        service = self._known(self.world.services, command.service_id)
        if service.status is ServiceStatus.TERMINATED:
            return service
        return self._keep(service, status=ServiceStatus.TERMINATED, terminated_at=NOW)

    def get_service(self, service_id):
        return self._named(self._known(self.world.services, service_id))

    def reveal_password(self, command):
        service = self._known_live(command.service_id)
        return RevealedPassword(service.id, service.pppoe_username, self.world.passwords[service.id])

    def list_service_owners(self, service_ids):
        known = [self.world.services[each] for each in service_ids if each in self.world.services]
        return [
            ServiceOwner(each.id, each.subscriber_id, self.world.subscribers[each.subscriber_id].full_name)
            for each in known
        ]

    def count_services(self):
        statuses = [service.status for service in self.world.services.values()]
        return ServiceCounts(*(statuses.count(status) for status in ServiceStatus))

    def _check_choices(self, new, service=None):
        """Raises InvalidInput or Conflict. `service` is the one that is changed."""
        if new.router_id is not None and new.router_id not in self.world.routers:
            raise InvalidInput.of("router_id", f"there is no router {new.router_id}")
        if new.plan_id is not None and new.plan_id not in self.world.plans:
            raise InvalidInput.of("plan_id", f"there is no plan {new.plan_id}")
        if new.plan_id is not None and self.world.plans[new.plan_id].status is PlanStatus.ARCHIVED:
            raise Conflict(f"plan {self.world.plans[new.plan_id].name} is archived; choose another")
        others = [
            other
            for other in self.world.services.values()
            if other.status is not ServiceStatus.TERMINATED and other is not service
        ]
        for field, value in given(new, "pppoe_username", "static_ip").items():
            refuse_taken(others, field, value)

    def _known_live(self, service_id):
        service = self._known(self.world.services, service_id)
        if service.status is ServiceStatus.TERMINATED:
            raise Conflict(f"service {service.pppoe_username} is terminated")
        return service

    def _keep(self, service, **changes):
        self.world.services[service.id] = self._changed(service, **changes)
        return self.get_service(service.id)

    def _named(self, service):
        """With the present name of its plan."""
        return replace(service, plan_name=self.world.plans[service.plan_id].name)

    # Holds

    def place_hold(self, command):
        return self.world.once(command, lambda: self._place_hold(command))

    def _place_hold(self, command):
        if command.reason is HoldReason.OVERDUE:
            raise InvalidInput.of("reason", "overdue is placed by billing")
        service = self._known_live(command.service_id)
        if any(hold.reason is command.reason for hold in service.standing_holds):
            return service
        hold = HoldView(
            id=self.world.new_id("hold"),
            reason=command.reason,
            placed_by=command.actor,
            placed_at=NOW,
            note=command.note,
            released_at=None,
            released_by=None,
        )
        return self._keep(service, holds=[*service.holds, hold], status=ServiceStatus.SUSPENDED)

    def release_hold(self, command):
        service = self._known(self.world.services, command.service_id)
        hold = next((hold for hold in service.holds if hold.id == command.hold_id), None)
        if hold is None:
            raise NotFound(f"service {service.id} has no hold {command.hold_id}")
        if not hold.is_standing:
            return service
        if hold.reason is HoldReason.OVERDUE:
            if active_exemptions(service.exemptions, NOW):
                return service
            return self._restore(service, NOW + timedelta(days=DEFAULT_RESTORE_DAYS), command)
        released = replace(hold, released_at=NOW, released_by=command.actor)
        holds = [released if each is hold else each for each in service.holds]
        return self._keep_judged(service, holds=holds)

    def restore_service(self, command):
        return self.world.once(command, lambda: self._restored(command))

    def _restored(self, command):
        service = self._known_live(command.service_id)
        until = command.until or NOW + timedelta(days=DEFAULT_RESTORE_DAYS)
        if not NOW < until <= NOW + timedelta(days=MAX_RESTORE_DAYS):
            raise InvalidInput.of("until", "must be in the future")
        if all(hold.reason is not HoldReason.OVERDUE for hold in service.standing_holds):
            raise Conflict(f"service {service.pppoe_username} has no overdue hold")
        return self._restore(service, until, command)

    def _restore(self, service, until, command):
        ended = [self._ended(one, command.actor) for one in service.exemptions]
        exemption = ExemptionView(
            id=self.world.new_id("exemption"),
            kind=ExemptionKind.TEMPORARY_RESTORE,
            starts_at=NOW,
            until=until,
            author=command.actor,
            note=getattr(command, "note", ""),
        )
        return self._keep_judged(service, exemptions=[*ended, exemption])

    def cancel_exemption(self, command):
        service = self._known(self.world.services, command.service_id)
        if command.exemption_id not in {one.id for one in service.exemptions}:
            raise NotFound(f"service {service.id} has no exemption {command.exemption_id}")
        exemptions = [
            self._ended(one, command.actor) if one.id == command.exemption_id else one
            for one in service.exemptions
        ]
        return self._keep_judged(service, exemptions=exemptions)

    def _ended(self, exemption, by):
        return exemption if exemption.ended_at else replace(exemption, ended_at=NOW, ended_by=by)

    def _keep_judged(self, service, **changes):
        changed = replace(service, **changes)
        status = status_of(
            terminated=changed.status is ServiceStatus.TERMINATED,
            holds=changed.holds,
            exemptions=changed.exemptions,
            at=NOW,
        )
        return self._keep(service, status=status, **changes)

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


def _has_money(found, state):
    return {
        None: True,
        MoneyState.OWING: found.balance.minor > 0,
        MoneyState.OVERDUE: found.oldest_due_on is not None and found.oldest_due_on < TODAY,
        MoneyState.CREDIT: found.balance.minor < 0,
    }[state]


def _has_text(found, text):
    usernames = [service.pppoe_username for service in found.services]
    digits = account_number.typed(text or "")
    if digits is not None and found.account_number.replace("-", "").startswith(digits):
        return True
    return contains(text, found.full_name, found.area, found.email, found.phone, *usernames)


def _has_service(found, query):
    """Whether one live service (a terminated one, if the query is for those) fits the query."""
    if not (query.status or query.plan_id or query.router_id):
        return True
    wants_terminated = query.status is ServiceStatus.TERMINATED
    return any(
        query.status in (None, service.status)
        and query.plan_id in (None, service.plan_id)
        and query.router_id in (None, service.router_id)
        and (service.status is ServiceStatus.TERMINATED) == wants_terminated
        for service in found.services
    )
