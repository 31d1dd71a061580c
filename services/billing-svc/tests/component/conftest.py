"""Billing on SQLite and on PostgreSQL, without a message bus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from billing_svc import jobs
from billing_svc.queries import accounts, invoices, runs
from billing_svc.service import BillingService
from billing_svc.usecases import billing_run, projections, settlement, voiding
from billing_svc.usecases import settings as settings_usecases
from contracts.billing import (
    AccountsChanged,
    AccountView,
    ChangeSettings,
    InvoiceQuery,
    InvoiceView,
    LedgerCheck,
    VoidInvoice,
)
from contracts.billing_runs import BillingRunView, RunItem, StartBillingRun, VoidBillingRun
from contracts.common import Event
from contracts.holds import ExemptionKind, ExemptionView
from contracts.money import Money
from contracts.payment import PaymentMethod, PaymentReceived, PaymentReversed
from contracts.receivables import CollectionsRunView
from contracts.subscriber import (
    PlanView,
    ServiceExempted,
    ServiceExemptionEnded,
    ServiceSnapshot,
    ServiceStatus,
    SubscriberChanged,
)
from servicekit.ids import new_id
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase
from testkit.component import ServiceUnderTest, make_tested_fixture, service_fixtures
from testkit.examples import a_plan, a_service

MANILA = ZoneInfo("Asia/Manila")

migrated, tested = service_fixtures("billing", "billing_svc")
make_tested = make_tested_fixture("billing")


class BillingUnderTest:
    """The service, with shortcuts for the events it handles, its commands, queries and published events."""

    def __init__(self, tested: ServiceUnderTest) -> None:
        self.tested = tested
        self.runtime = tested.runtime
        self.fiber = self.plan()
        self.services: dict[str, list[ServiceSnapshot]] = {}
        self._unread: list[Event] = []
        BillingService.prepare(self.runtime)
        self.new_events()

    # Time

    @property
    def today(self) -> date:
        return self.runtime.today()

    def move_to(self, day: date, at: time = time(10)) -> None:
        """Move the clock to a time of day in the ISP's time zone."""
        self.tested.clock.instant = datetime.combine(day, at, MANILA).astimezone(UTC)

    # Events from other services

    def plan(self, minor: int = 150_000, **changes: Any) -> PlanView:
        plan = a_plan(**{"price": Money(minor), "created_at": self.runtime.now(), **changes})
        self.handle_plan(plan)
        return plan

    def handle_plan(self, plan: PlanView) -> None:
        with self.runtime.transaction() as session:
            projections.keep_plan(session, plan)

    def subscriber(self, name: str = "Juan dela Cruz", *plans: PlanView, **changes: Any) -> str:
        """The id of a new subscriber with one service per plan (the fiber plan if none is given)."""
        subscriber_id = new_id()
        self.handle_name(subscriber_id, name)
        for plan in plans or [self.fiber]:
            self.service(subscriber_id, plan, **changes)
        return subscriber_id

    def handle_name(self, subscriber_id: str, name: str, version: int = 1) -> None:
        event = SubscriberChanged(subscriber_id=subscriber_id, version=version, full_name=name)
        with self.runtime.transaction() as session:
            projections.keep_subscriber(session, event)

    def service(self, subscriber_id: str, plan: PlanView | None = None, **changes: Any) -> ServiceSnapshot:
        service = a_service(
            **{
                "subscriber_id": subscriber_id,
                "plan": plan or self.fiber,
                "activated_on": self.today,
                **changes,
            }
        )
        self.handle_service(service)
        return service

    def handle_service(self, service: ServiceSnapshot) -> None:
        with self.runtime.transaction() as session:
            projections.keep_service(session, service)
        kept = self.services.setdefault(service.subscriber_id, [])
        kept[:] = [other for other in kept if other.id != service.id] + [service]

    def change_service(self, service: ServiceSnapshot, **changes: Any) -> ServiceSnapshot:
        changed = replace(service, version=service.version + 1, **changes)
        self.handle_service(changed)
        return changed

    def exempt(self, service: ServiceSnapshot, until: datetime) -> ServiceExempted:
        """Handle the event that a service was restored until then."""
        exemption = ExemptionView(
            new_id(), ExemptionKind.TEMPORARY_RESTORE, self.runtime.now(), until, "ana", ""
        )
        event = ServiceExempted(service=service, exemption=exemption)
        self.handle_exemption(event)
        return event

    def end_exemption(self, began: ServiceExempted, by: str | None = None) -> None:
        ended = replace(began.exemption, ended_at=self.runtime.now(), ended_by=by)
        self.handle_exemption(ServiceExemptionEnded(service=began.service, exemption=ended))

    def handle_exemption(self, event: ServiceExempted | ServiceExemptionEnded) -> None:
        with self.runtime.transaction() as session:
            projections.keep_exemption(session, event)

    def terminate(self, service: ServiceSnapshot) -> ServiceSnapshot:
        return self.change_service(service, status=ServiceStatus.TERMINATED, terminated_on=self.today)

    def payment(self, subscriber_id: str, minor: int, **changes: Any) -> PaymentReceived:
        event = PaymentReceived(
            payment_id=new_id(),
            subscriber_id=subscriber_id,
            invoice_id=None,
            amount=Money(minor),
            method=PaymentMethod.CASH,
            received_on=self.today,
            paid_at=self.runtime.now(),
        )
        return replace(event, **changes)

    def handle_payment(self, event: PaymentReceived) -> None:
        with self.runtime.transaction() as session:
            settlement.apply_payment(session, event, now=self.runtime.now(), today=self.today)

    def pay(self, subscriber_id: str, minor: int, **changes: Any) -> str:
        event = self.payment(subscriber_id, minor, **changes)
        self.handle_payment(event)
        return event.payment_id

    def reversal(self, payment: PaymentReceived, counts_on: date | None = None) -> PaymentReversed:
        return PaymentReversed(
            payment_id=payment.payment_id,
            subscriber_id=payment.subscriber_id,
            amount=payment.amount,
            method=payment.method,
            received_on=payment.received_on,
            counts_on=counts_on or self.today,
            reversed_at=self.runtime.now(),
        )

    def handle_reversal(self, event: PaymentReversed) -> None:
        with self.runtime.transaction() as session:
            settlement.reverse_payment(session, event, now=self.runtime.now())

    # Commands

    def set(self, **changes: Any) -> None:
        with self.runtime.transaction() as session:
            settings_usecases.change_settings(
                session, ChangeSettings(**changes), now=self.runtime.now(), today=self.today
            )

    def start_run(self, on: date | None = None, **options: Any) -> str:
        command = StartBillingRun(date=on, actor="ana", **options)
        with self.runtime.transaction() as session:
            run = billing_run.start_run(session, command, now=self.runtime.now(), today=self.today)
            return run.id

    def tick(self, holder: str = "this process") -> None:
        """Do what the service's timer does."""
        jobs.work_on_billing_runs(self.runtime, holder)

    def bill(self, on: date | None = None, **options: Any) -> BillingRunView:
        """Start a run and finish it, and any other that is unfinished."""
        run_id = self.start_run(on, **options)
        self.tick()
        return self.run(run_id)

    def collect(self, on: date | None = None, *, dry_run: bool = False) -> CollectionsRunView:
        return jobs.run_collections(self.runtime, on or self.today, dry_run=dry_run)

    def void_run(self, run_id: str) -> BillingRunView:
        jobs.void_run(self.runtime, VoidBillingRun(run_id=run_id, reason="a mistake", actor="ana"))
        return self.run(run_id)

    def void(self, invoice_id: str, reason: str = "a mistake", **options: Any) -> None:
        command = VoidInvoice(invoice_id=invoice_id, reason=reason, actor="ana", **options)
        with self.runtime.transaction() as session:
            voiding.void_invoice(session, command, now=self.runtime.now(), today=self.today)

    # Queries

    def invoices(self, subscriber_id: str | None = None) -> list[InvoiceView]:
        """Invoices by number, oldest first."""
        with self.runtime.reading() as session:
            page = invoices.list_invoices(
                session, InvoiceQuery(subscriber_id=subscriber_id), 200, None, self.today
            )
            assert page.next is None
            found = [invoices.get_invoice(session, invoice.id, self.today) for invoice in page.items]
        return sorted(found, key=lambda invoice: invoice.number)

    def numbers(self) -> list[str]:
        """The numbers of all invoices, oldest first."""
        return [invoice.number for invoice in self.invoices()]

    def count(self, table: type[DeclarativeBase]) -> int:
        """The number of rows of a table."""
        with self.runtime.reading() as session:
            return session.execute(select(func.count()).select_from(table)).scalar_one()

    def invoice(self, subscriber_id: str) -> InvoiceView:
        """The only invoice of a subscriber."""
        (only,) = self.invoices(subscriber_id)
        return only

    def account(self, subscriber_id: str) -> AccountView:
        with self.runtime.reading() as session:
            return accounts.list_accounts(session, [subscriber_id], self.today)[0]

    def run(self, run_id: str) -> BillingRunView:
        with self.runtime.reading() as session:
            return runs.get_billing_run(session, run_id)

    def runs(self) -> list[BillingRunView]:
        """Billing runs, newest first."""
        with self.runtime.reading() as session:
            return runs.list_billing_runs(session, 200, None).items

    def items(self, run_id: str) -> dict[str, RunItem]:
        with self.runtime.reading() as session:
            page = runs.list_billing_run_items(session, run_id, None, 200, None)
        return {item.subscriber_id: item for item in page.items}

    def ledger_check(self) -> LedgerCheck:
        with self.runtime.reading() as session:
            return accounts.check_ledger(session)

    def new_events(self) -> list[Event]:
        """The events published since the last call, without `changed_accounts`."""
        return self._read(lambda event: not isinstance(event, AccountsChanged))

    def changed_accounts(self) -> list[AccountsChanged]:
        """What was published since the last call about the money of accounts."""
        return self._read(lambda event: isinstance(event, AccountsChanged))

    def _read(self, wanted: Callable[[Event], bool]) -> list[Any]:
        self._unread += self.tested.new_events()
        read = [event for event in self._unread if wanted(event)]
        self._unread = [event for event in self._unread if not wanted(event)]
        return read

    def publish_accounts(self) -> None:
        jobs.publish_accounts(self.runtime)

    def overdue_since(self, subscriber_id: str, days: int = 5) -> InvoiceView:
        """Bill, then move to `days` days after the due date."""
        self.bill()
        invoice = self.invoices(subscriber_id)[-1]
        self.move_to(invoice.due_on + timedelta(days=days))
        return invoice


@pytest.fixture
def billing(tested: ServiceUnderTest) -> BillingUnderTest:
    return BillingUnderTest(tested)


@pytest.fixture(scope="session")
def make_billing() -> type[BillingUnderTest]:
    """Creates a BillingUnderTest. Its `tested` needs an empty database."""
    return BillingUnderTest
