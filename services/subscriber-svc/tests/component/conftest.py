"""The service on SQLite and on PostgreSQL, without a message bus."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from contracts.billing import AccountMoney, AccountOverdue, AccountsChanged, AccountSettled
from contracts.common import Event, NotFound
from contracts.holds import HoldReason, PlaceHold, RestoreService
from contracts.money import Money
from contracts.subscriber import (
    AddService,
    BillingType,
    CreatePlan,
    CreateSubscriber,
    NewService,
    PlanView,
    ServiceView,
    SubscriberView,
)
from contracts.subscriber import Subscriber as SubscriberApi
from subscriber_svc import jobs
from subscriber_svc.service import SubscriberService
from subscriber_svc.usecases import holds
from subscriber_svc.usecases.accounts import keep_accounts
from testkit.component import ServiceUnderTest, client_of, service_fixtures

migrated, tested = service_fixtures("subscriber", "subscriber_svc")


class KnownRouters:
    """router-svc, as far as subscriber-svc calls it."""

    def get_router(self, router_id: str) -> None:
        if router_id != "router":
            raise NotFound(f"there is no router {router_id}")


class SubscribersUnderTest:
    """The service, with shortcuts for what tests create and look up."""

    def __init__(self, tested: ServiceUnderTest) -> None:
        self.tested = tested
        self.runtime = tested.runtime
        self.api = client_of(SubscriberApi, SubscriberService, tested.runtime, router=KnownRouters())
        self.fiber = self.plan()
        self.new_events()

    def new_events(self) -> list[Event]:
        return self.tested.new_events()

    def plan(self, name: str = "Fiber 50 Mbps", **changes: Any) -> PlanView:
        values = {
            "price": Money(150_000),
            "billing_type": BillingType.POSTPAID,
            "download_kbps": 50_000,
            "upload_kbps": 50_000,
        }
        return self.api.create_plan(CreatePlan(name=name, **{**values, **changes}))

    def new_service(self, username: str = "juan.delacruz", **changes: Any) -> NewService:
        values = {"pppoe_password": "pppoe-pass-01", "plan_id": self.fiber.id, "router_id": "router"}
        return NewService(pppoe_username=username, **{**values, **changes})

    def subscriber(
        self, name: str = "Juan dela Cruz", username: str = "juan.delacruz", **changes: Any
    ) -> SubscriberView:
        service = self.new_service(username, **changes)
        return self.api.create_subscriber(CreateSubscriber(full_name=name, service=service))

    def service(self, username: str = "juan.delacruz", name: str = "Juan dela Cruz") -> ServiceView:
        """The service of a new subscriber. The events about it are discarded."""
        (service,) = self.subscriber(name, username).services
        self.new_events()
        return service

    def add_service(self, subscriber_id: str, username: str, **changes: Any) -> ServiceView:
        command = AddService(subscriber_id=subscriber_id, service=self.new_service(username, **changes))
        return self.api.add_service(command)

    def hold(self, service: ServiceView, reason: HoldReason = HoldReason.ADMIN, **more: Any) -> ServiceView:
        return self.api.place_hold(PlaceHold(service_id=service.id, reason=reason, actor="ana", **more))

    def overdue(self, *services: ServiceView, sequence: int = 1) -> None:
        """Handle the event that an account is overdue beyond the grace period."""
        event = AccountOverdue(
            subscriber_id=services[0].subscriber_id,
            sequence=sequence,
            service_ids=[service.id for service in services],
            overdue=Money(150_000),
            reason="5 days overdue",
        )
        with self.runtime.transaction() as session:
            holds.suspend_overdue(session, event, now=self.runtime.now())

    def settled(self, subscriber_id: str, sequence: int = 2, payment_id: str | None = "payment") -> None:
        """Handle the event that an account is settled."""
        event = AccountSettled(
            subscriber_id=subscriber_id,
            sequence=sequence,
            paid_at=self.runtime.now() if payment_id else None,
            payment_id=payment_id,
        )
        with self.runtime.transaction() as session:
            holds.restore_settled(session, event, now=self.runtime.now())

    def owes(self, *accounts: tuple[str, int, date | None], sequence: int = 1) -> None:
        """Handle the event that these subscribers owe this many minor units, since a due date."""
        changed = [AccountMoney(id_, Money(minor), due_on) for id_, minor, due_on in accounts]
        event = AccountsChanged(sequence=sequence, accounts=changed)
        with self.runtime.transaction() as session:
            keep_accounts(session, event)

    def restore(self, service: ServiceView, **more: Any) -> ServiceView:
        return self.api.restore_service(RestoreService(service_id=service.id, actor="ana", **more))

    def tick(self) -> None:
        """Do what the service's timer does."""
        jobs.end_exemptions(self.runtime, "this process")

    def reasons(self, service: ServiceView) -> set[str]:
        """The reasons of its active holds."""
        shown = self.api.get_service(service.id)
        return {hold.reason.value for hold in shown.standing_holds}


@pytest.fixture
def subscribers(tested: ServiceUnderTest) -> SubscribersUnderTest:
    return SubscribersUnderTest(tested)
