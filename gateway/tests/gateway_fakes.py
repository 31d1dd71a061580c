"""The five services in memory, behind the same wire format as the real ones."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from contracts.billing import (
    AccountEvent,
    AccountEventKind,
    AccountView,
    AllocationView,
    Billing,
    BillingRunView,
    BillingSettings,
    CollectionStatus,
    InvoiceLineView,
    InvoiceStatus,
    InvoiceView,
    ItemOutcome,
    LedgerCheck,
    PriceSource,
    RunItem,
    RunStatus,
    SuspensionMode,
    TaxMode,
)
from contracts.common import BillingPeriod, Conflict, ContractError, InvalidInput, NotFound, Page, Unavailable
from contracts.money import Money
from contracts.payment import Payment, PaymentView
from contracts.radius import (
    AttemptView,
    DisconnectResult,
    LineEvent,
    NasActivity,
    NasHealth,
    OnlineSample,
    Radius,
    ReconnectBucket,
    ReconnectTimes,
    ReconnectView,
    RejectView,
    RequestKind,
    RequestOutcome,
    ServiceState,
    SessionView,
    UsageDay,
)
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    Receivables,
    SuspensionDue,
    SuspensionsDue,
)
from contracts.router import Router, RouterStatus, RouterView
from contracts.subscriber import (
    HoldChange,
    HoldView,
    PlanStatus,
    PlanView,
    RevealedPassword,
    ServiceCounts,
    ServiceStatus,
    ServiceView,
    Subscriber,
    SubscriberOrder,
    SubscriberView,
)
from servicekit.codec import to_wire
from servicekit.rpc import methods_of

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
PERIOD = BillingPeriod(date(2026, 11, 1), date(2026, 12, 1))
PESO = Money(150000)
NOTHING = Money(0)
PASSWORD = "correct horse battery"


def basic(email: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()}


def paged(items: list, limit: int, after: str | None) -> Page:
    start = int(after or 0)
    end = start + limit
    return Page(items[start:end], str(end) if end < len(items) else None)


def holds(text: str | None, *values: str) -> bool:
    """Whether a list that is searched for `text` shows something with these values."""
    return text is None or any(text.lower() in value.lower() for value in values)


class World:
    """What all fakes share, and what a test may turn: `down`, `failing`, `radius_lag`."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.failing: dict[str, Exception] = {}
        self.calls: list[tuple[str, str, dict]] = []
        self.radius_lag = 0
        self.allocation_lag = 0
        self._number = count(1)
        self.plans: dict[str, PlanView] = {}
        self.routers: dict[str, RouterView] = {}
        self.subscribers: dict[str, SubscriberView] = {}
        self.services: dict[str, ServiceView] = {}
        self.invoices: dict[str, InvoiceView] = {}
        self.payments: dict[str, PaymentView] = {}
        self.passwords: dict[str, str] = {}
        self.sessions: list[SessionView] = []
        self.rejects: list[RejectView] = []
        self.attempt = AttemptView(RequestKind.DISCONNECT, RequestOutcome.ACKED, None, "", NOW, NOW)
        self.heard: dict[str, Any] = {}
        self.usage: dict[str, int] = {}
        self.line_events: list[LineEvent] = []
        self.reconnect_buckets: list[tuple[int | None, int]] = []
        self.suspensions_due: list[SuspensionDue] = []
        self.done: dict[str, Any] = {}
        self.fakes = {
            "subscriber": (Subscriber, FakeSubscriber(self)),
            "billing": (Billing, FakeBilling(self)),
            "payment": (Payment, FakePayment(self)),
            "radius": (Radius, FakeRadius(self)),
            "router": (Router, FakeRouter(self)),
        }

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._number)}"

    def call(self, service: str, method: str, request: dict, _deadline: float) -> dict:
        """The transport: what goes in and out is plain JSON data, as on the bus."""
        if service in self.down:
            raise Unavailable(f"{service} is not running")
        if method == "ping":
            return {"ok": {"database": "ok"}}
        protocol, fake = self.fakes[service]
        shape = methods_of(protocol)[method]
        arguments = shape.decode_arguments(request["args"])
        self.calls.append((service, method, arguments))
        try:
            if method in self.failing:
                raise self.failing[method]
            return {"ok": to_wire(getattr(fake, method)(**arguments), shape.result)}
        except ContractError as error:
            wrong = [{"field": each.field, "message": each.message} for each in error.errors]
            return {"error": {"code": error.code, "message": error.message, "errors": wrong}}

    def once(self, command: Any, make: Callable[[], Any]) -> Any:
        """Commands with a key are done once, as the services promise."""
        key = command.idempotency_key
        if key is None:
            return make()
        if key not in self.done:
            self.done[key] = make()
        return self.done[key]

    def commands(self, method: str) -> list[Any]:
        return [arguments["command"] for _, called, arguments in self.calls if called == method]


class Fake:
    def __init__(self, world: World) -> None:
        self.world = world

    def _known(self, things: dict, thing_id: str) -> Any:
        if thing_id not in things:
            raise NotFound(f"there is no {thing_id}")
        return things[thing_id]


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
        kept = [found for found in every if holds(query.text, found.full_name)]
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


class FakeRouter(Fake):
    def register_router(self, command):
        router = RouterView(
            id=self.world.new_id("router"),
            version=1,
            name=command.name,
            status=RouterStatus.ONLINE,
            nas_address=command.nas_address,
            coa_port=command.coa_port,
            session_control=command.session_control,
            require_message_authenticator=command.require_message_authenticator,
            created_at=NOW,
        )
        self.world.routers[router.id] = router
        return router

    def change_router(self, command):
        router = self._known(self.world.routers, command.router_id)
        names = ("name", "status", "nas_address", "coa_port", "session_control")
        changes = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
        self.world.routers[router.id] = replace(router, **changes)
        return self.world.routers[router.id]

    def get_router(self, router_id):
        return self._known(self.world.routers, router_id)

    def list_routers(self, limit, after):
        return paged(list(self.world.routers.values()), limit, after)


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
            and holds(query.text, each.username, each.framed_ip_address or "")
        ]
        return paged([each for each in kept if not query.open_only or each.stopped_at is None], limit, after)

    def list_rejects(self, query, limit, after):
        kept = [
            each
            for each in self.world.rejects
            if query.service_id in (None, each.service_id) and holds(query.text, each.username)
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


class FakePayment(Fake):
    def record_payment(self, command):
        return self.world.once(command, lambda: self._make(command))

    def _make(self, command):
        if command.subscriber_id not in self.world.subscribers:
            raise InvalidInput.of("subscriber_id", "names no subscriber")
        same = [each.id for each in self.world.payments.values() if each.reference == command.reference != ""]
        payment = PaymentView(
            id=self.world.new_id("payment"),
            subscriber_id=command.subscriber_id,
            subscriber_name=self.world.subscribers[command.subscriber_id].full_name,
            invoice_id=command.invoice_id,
            amount=command.amount,
            method=command.method,
            reference=command.reference,
            received_on=command.received_on or TODAY,
            recorded_at=NOW,
            recorded_by=command.actor,
            same_reference=same,
        )
        self.world.payments[payment.id] = payment
        invoice = self.world.invoices.get(command.invoice_id or "")
        if invoice is not None:
            balance = invoice.balance - command.amount
            status = InvoiceStatus.PAID if balance.minor <= 0 else InvoiceStatus.PARTIALLY_PAID
            self.world.invoices[invoice.id] = replace(invoice, balance=balance, status=status)
        return payment

    def get_payment(self, payment_id):
        return self._known(self.world.payments, payment_id)

    def list_payments(self, query, limit, after):
        kept = [
            each
            for each in self.world.payments.values()
            if query.subscriber_id in (None, each.subscriber_id)
            and query.method in (None, each.method)
            and (query.received_from or each.received_on) <= each.received_on
            and each.received_on <= (query.received_until or each.received_on)
            and holds(query.text, each.reference, each.subscriber_name)
        ]
        return paged(kept, limit, after)


class FakeBilling(Fake):
    settings = BillingSettings(1, 1, 15, 5, True, SuspensionMode.WALLED_GARDEN, TaxMode.NON_VAT, "INV", "PHP")

    def __init__(self, world):
        super().__init__(world)
        self.runs: dict[str, BillingRunView] = {}
        self.items: dict[str, list[RunItem]] = {}

    def get_settings(self):
        return self.settings

    def change_settings(self, command):
        day = command.invoice_generation_day
        if day is not None and not 1 <= day <= 28:
            raise InvalidInput.of("invoice_generation_day", "is 1 to 28")
        changes = {
            name: getattr(command, name)
            for name in ("invoice_generation_day", "payment_terms_days", "auto_suspend", "suspension_mode")
            if getattr(command, name) is not None
        }
        self.settings = replace(self.settings, **changes)
        return self.settings

    def start_billing_run(self, command):
        return self.world.once(command, lambda: self._run(command))

    def _run(self, command):
        items = [self._bill(found, dry_run=command.dry_run) for found in self.world.subscribers.values()]
        run = BillingRunView(
            id=self.world.new_id("run"),
            date=command.date or TODAY,
            period=PERIOD,
            dry_run=command.dry_run,
            status=RunStatus.FINISHED,
            total=len(items),
            created=sum(item.outcome is ItemOutcome.CREATED for item in items),
            skipped=sum(item.outcome is ItemOutcome.SKIPPED for item in items),
            failed=0,
            amount=NOTHING,
            error=None,
            started_at=NOW,
            finished_at=NOW,
        )
        self.runs[run.id], self.items[run.id] = run, items
        return run

    def _bill(self, found, *, dry_run):
        if any(invoice.subscriber_id == found.id for invoice in self.world.invoices.values()):
            return RunItem(found.id, found.full_name, ItemOutcome.SKIPPED, "billed already", None, None)
        if dry_run:
            return RunItem(found.id, found.full_name, ItemOutcome.CREATED, "", None, PESO)
        invoice = self.make_invoice(found)
        return RunItem(found.id, found.full_name, ItemOutcome.CREATED, "", invoice.id, PESO)

    def make_invoice(self, found):
        invoice_id = self.world.new_id("invoice")
        line = InvoiceLineView(
            service_id="service-1",
            description="Fiber 50 Mbps",
            period=PERIOD,
            plan_name="Fiber 50 Mbps",
            price=PESO,
            price_source=PriceSource.PLAN,
            discount_amount=NOTHING,
            tax=NOTHING,
            amount=PESO,
        )
        invoice = InvoiceView(
            id=invoice_id,
            number=f"INV-{invoice_id.split('-')[1]}",
            subscriber_id=found.id,
            subscriber_name=found.full_name,
            status=InvoiceStatus.SENT,
            collection_status=CollectionStatus.PENDING,
            issued_on=TODAY,
            due_on=TODAY + timedelta(days=15),
            days_overdue=0,
            period=PERIOD,
            total=PESO,
            balance=PESO,
            lines=[line],
            allocations=[],
            created_at=NOW,
            voided_at=None,
            voided_by=None,
            void_reason=None,
        )
        self.world.invoices[invoice_id] = invoice
        return invoice

    def get_billing_run(self, run_id):
        return self._known(self.runs, run_id)

    def list_billing_runs(self, limit, after):
        return paged(list(self.runs.values()), limit, after)

    def list_billing_run_items(self, run_id, outcome, limit, after):
        self._known(self.runs, run_id)
        kept = [item for item in self.items[run_id] if outcome in (None, item.outcome)]
        return paged(kept, limit, after)

    def run_collections(self, command):
        return CollectionsRunView(command.date or TODAY, command.dry_run, 0, 0, 0, [])

    def get_invoice(self, invoice_id):
        return self._known(self.world.invoices, invoice_id)

    def list_invoices(self, query, limit, after):
        kept = [
            each
            for each in self.world.invoices.values()
            if (not query.statuses or each.status in query.statuses)
            and query.subscriber_id in (None, each.subscriber_id)
            and holds(query.text, each.number, each.subscriber_name)
        ]
        return paged(kept, limit, after)

    def void_invoice(self, command):
        invoice = self._known(self.world.invoices, command.invoice_id)
        if invoice.status is InvoiceStatus.PAID:
            raise Conflict(f"invoice {invoice.number} has payments on it")
        self.world.invoices[invoice.id] = replace(
            invoice,
            status=InvoiceStatus.VOID,
            balance=NOTHING,
            voided_at=NOW,
            voided_by=command.actor,
            void_reason=command.reason,
        )
        return self.world.invoices[invoice.id]

    def get_account(self, subscriber_id):
        mine = [each for each in self.world.invoices.values() if each.subscriber_id == subscriber_id]
        owed = Money(sum(invoice.balance.minor for invoice in mine))
        return AccountView(subscriber_id, owed, NOTHING, NOTHING)

    def list_accounts(self, subscriber_ids):
        return [self.get_account(each) for each in subscriber_ids]

    def find_allocations(self, payment_id):
        if self.world.allocation_lag > 0:
            self.world.allocation_lag -= 1
            return None
        payment = self.world.payments[payment_id]
        if payment.invoice_id is None:
            return []
        invoice = self.world.invoices[payment.invoice_id]
        return [AllocationView("a-1", payment_id, invoice.id, invoice.number, payment.amount, NOW)]

    def list_ledger_entries(self, subscriber_id, limit, after):
        return Page([])

    def check_ledger(self):
        return LedgerCheck(NOTHING, NOTHING, NOTHING, [])

    def get_receivables(self):
        owed = Money(sum(invoice.balance.minor for invoice in self.world.invoices.values()))
        is_open = sum(invoice.balance.minor > 0 for invoice in self.world.invoices.values())
        return Receivables(owed, NOTHING, NOTHING, NOTHING, is_open, 0)

    def list_aging(self):
        edges = ((0, 0), (1, 30), (31, 60), (61, 90), (91, None))
        owed = self.get_receivables()
        amounts = [(owed.open_invoices, owed.receivable)] + [(0, NOTHING)] * 4
        return [AgingBucket(*edge, *amount) for edge, amount in zip(edges, amounts, strict=True)]

    def list_days_collected(self, days):
        paid = Money(sum(payment.amount.minor for payment in self.world.payments.values()))
        return [
            DayCollected(
                TODAY - timedelta(days=age), 0 if age else len(self.world.payments), NOTHING if age else paid
            )
            for age in range(days - 1, -1, -1)
        ]

    def list_suspensions_due(self, until, limit, after):
        owed = Money(sum(row.overdue.minor for row in self.world.suspensions_due))
        rows = self.world.suspensions_due
        return SuspensionsDue(until, self.settings.auto_suspend, len(rows), owed, paged(rows, limit, after))

    def list_account_events(self, subscriber_id, limit):
        issued = AccountEventKind.INVOICE_ISSUED
        return [
            AccountEvent(invoice.created_at, issued, invoice.id, invoice.number, None, invoice.total)
            for invoice in self.world.invoices.values()
            if invoice.subscriber_id == subscriber_id
        ][:limit]
