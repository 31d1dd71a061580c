"""The two implementations of the five contracts: the gateway's fakes, and the real services."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from billing_svc import jobs
from billing_svc.service import BillingService
from contracts.billing import Billing, InvoiceQuery, InvoiceView
from contracts.billing_runs import BillingRunView, StartBillingRun
from contracts.common import Envelope, Event
from contracts.money import Money
from contracts.payment import Payment, PaymentMethod, PaymentView, RecordPayment
from contracts.radius import Radius, SessionView
from contracts.router import RegisterRouter, Router, RouterView
from contracts.subscriber import (
    BillingType,
    CreatePlan,
    CreateSubscriber,
    NewService,
    PlanView,
    ServiceView,
    Subscriber,
    SubscriberView,
)
from gateway_fakes import World
from payment_svc.service import PaymentService
from radius_svc.models import RadAcct
from radius_svc.service import RadiusService
from router_svc.service import RouterService
from servicekit import outbox
from servicekit.clock import FrozenClock
from servicekit.codec import to_wire
from servicekit.db import Database
from servicekit.rpc import client
from servicekit.runtime import Runtime
from subscriber_svc.service import SubscriberService
from testkit.component import Migrated, client_of, make_settings
from testkit.examples import START

PACKAGES = {
    "subscriber": "subscriber_svc",
    "billing": "billing_svc",
    "payment": "payment_svc",
    "router": "router_svc",
    "radius": "radius_svc",
}
PASSWORD = "pppoe-pass-01"


class Backend:
    """An ISP reached through the contracts. The helpers create what most checks start from."""

    subscriber: Subscriber
    billing: Billing
    payment: Payment
    router: Router
    radius: Radius

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def settle(self) -> None:
        """Deliver all events and finish all billing runs."""

    def open_session(self, service: ServiceView, started_at: datetime, **changes: Any) -> None:
        """Record a session of the service, as if its router had reported it."""
        raise NotImplementedError

    def new_router(self, **changes: Any) -> RouterView:
        number = next(self._numbers)
        values = {"name": f"Router {number}", "nas_address": f"10.0.0.{number}", "radius_secret": "s3cret"}
        router = self.router.register_router(RegisterRouter(**{**values, **changes}))
        self.settle()
        return router

    def new_plan(self, name: str = "Fiber 50 Mbps", **changes: Any) -> PlanView:
        plan = self.subscriber.create_plan(plan_command(name, **changes))
        self.settle()
        return plan

    def service_for(self, username: str, **changes: Any) -> NewService:
        """A new service on an existing plan and router, which are created if there are none."""
        plans, routers = self.subscriber.list_plans(1, None).items, self.router.list_routers(1, None).items
        plan, router = plans or [self.new_plan()], routers or [self.new_router()]
        values = {"pppoe_password": PASSWORD, "plan_id": plan[0].id, "router_id": router[0].id}
        return NewService(pppoe_username=username, **{**values, **changes})

    def new_subscriber(self, full_name: str, username: str | None = None, **changes: Any) -> SubscriberView:
        """A subscriber with one service."""
        username = username or full_name.lower().replace(" ", ".")
        service = self.service_for(username, **changes)
        subscriber = self.subscriber.create_subscriber(CreateSubscriber(full_name=full_name, service=service))
        self.settle()
        return subscriber

    def new_service(self, username: str = "juan.delacruz") -> ServiceView:
        return self.new_subscriber("Juan dela Cruz", username).services[0]

    def generate_invoices(self, **options: Any) -> BillingRunView:
        run = self.billing.start_billing_run(StartBillingRun(actor="ana", **options))
        self.settle()
        return self.billing.get_billing_run(run.id)

    def new_invoice(self, full_name: str = "Juan dela Cruz") -> InvoiceView:
        """The invoice of a new subscriber for this month."""
        subscriber = self.new_subscriber(full_name)
        self.generate_invoices()
        (invoice,) = self.billing.list_invoices(InvoiceQuery(subscriber_id=subscriber.id), 10, None).items
        return self.billing.get_invoice(invoice.id)

    def pay(self, subscriber_id: str, amount: int, **changes: Any) -> PaymentView:
        payment = self.payment.record_payment(payment_command(subscriber_id, amount, **changes))
        self.settle()
        return payment


def plan_command(name: str = "Fiber 50 Mbps", **changes: Any) -> CreatePlan:
    values = {
        "price": Money(150_000),
        "billing_type": BillingType.POSTPAID,
        "download_kbps": 50_000,
        "upload_kbps": 50_000,
    }
    return CreatePlan(name=name, **{**values, **changes})


PAYMENT_WARNINGS = ("amount_high", "reference_used", "date_before_customer", "date_old")


def payment_command(subscriber_id: str, amount: int, **changes: Any) -> RecordPayment:
    values = {"method": PaymentMethod.CASH, "actor": "ana", "confirm": PAYMENT_WARNINGS}
    return RecordPayment(subscriber_id=subscriber_id, amount=Money(amount), **{**values, **changes})


class FakeBackend(Backend):
    def __init__(self) -> None:
        super().__init__()
        self._world = World()
        for contract in (Subscriber, Billing, Payment, Router, Radius):
            setattr(self, contract.__name__.lower(), client(contract, self._world.call))

    def open_session(self, service: ServiceView, started_at: datetime, **changes: Any) -> None:
        number = next(self._numbers)
        session = SessionView(
            id=str(number),
            username=service.pppoe_username,
            service_id=service.id,
            router_id=service.router_id,
            acct_session_id=f"8{number:07}",
            framed_ip_address="10.64.0.1",
            calling_station_id="02:00:00:00:00:01",
            started_at=started_at,
            updated_at=started_at,
            stopped_at=None,
            input_octets=0,
            output_octets=0,
            terminate_cause=None,
        )
        self._world.sessions.append(replace(session, **changes))


class ServiceBackend(Backend):
    """The real services on SQLite. Events go from outbox to inbox when `settle` is called."""

    def __init__(self, migrated: dict[str, Migrated], directory: Path) -> None:
        super().__init__()
        self._runtimes = {
            name: _runtime(name, templates.open_sqlite(directory / f"{name}.db"), directory)
            for name, templates in migrated.items()
        }
        runtimes = self._runtimes
        self.router = client_of(Router, RouterService, runtimes["router"])
        self.subscriber = client_of(Subscriber, SubscriberService, runtimes["subscriber"], router=self.router)
        self.billing = client_of(Billing, BillingService, runtimes["billing"])
        self.payment = client_of(
            Payment,
            PaymentService,
            runtimes["payment"],
            billing=self.billing,
            optional_billing=self.billing,
            subscriber=self.subscriber,
        )
        self.radius = client_of(Radius, RadiusService, runtimes["radius"])
        self._consumers = {
            service_class.name: _with_runtime(service_class, runtimes[service_class.name])
            for service_class in (
                SubscriberService,
                BillingService,
                PaymentService,
                RouterService,
                RadiusService,
            )
        }
        BillingService.prepare(runtimes["billing"])
        self.settle()

    def settle(self) -> None:
        jobs.work_on_billing_runs(self._runtimes["billing"], "conformance")
        while sum(self._deliver(name) for name in self._runtimes):
            pass

    def open_session(self, service: ServiceView, started_at: datetime, **changes: Any) -> None:
        number = next(self._numbers)
        row = RadAcct(
            acctsessionid=f"8{number:07}",
            acctuniqueid=f"{number:032}",
            username=service.pppoe_username,
            nasipaddress="10.0.0.1",
            acctstarttime=started_at,
            acctupdatetime=started_at,
            acctstoptime=changes.get("stopped_at"),
            framedipaddress=changes.get("framed_ip_address", "10.64.0.1"),
            callingstationid="02:00:00:00:00:01",
            service_id=service.id,
            router_id=service.router_id,
        )
        with self._runtimes["radius"].transaction() as session:
            session.add(row)

    def close(self) -> None:
        for runtime in self._runtimes.values():
            runtime.database.close()

    def _deliver(self, source: str) -> int:
        """Hand the unsent events of one service to their consumers. Returns how many there were."""
        with self._runtimes[source].transaction() as session:
            messages = outbox.unsent(session, limit=1_000)
            outbox.mark_sent(session, [message.id for message in messages])
        for message in messages:
            for consumer in Event.known[message.type].consumers:
                self._consumers[consumer].receive_event(to_wire(outbox.envelope(message, source), Envelope))
        return len(messages)


def _runtime(name: str, database: Database, directory: Path) -> Runtime:
    runtime = Runtime(make_settings(name, database.url, directory), FrozenClock(START))
    runtime.database = database
    return runtime


def _with_runtime(service_class: type, runtime: Runtime) -> Any:
    service = service_class()
    service.runtime = runtime
    return service
