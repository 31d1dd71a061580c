"""The nameko service: it translates RPC calls and events into queries and use cases."""

from __future__ import annotations

from datetime import date

from contracts.billing import (
    AccountEvent,
    AccountView,
    AllocationView,
    Billing,
    ChangeSettings,
    InvoiceQuery,
    InvoiceSummary,
    InvoiceView,
    LedgerCheck,
    LedgerEntryView,
    RunCollections,
    VoidInvoice,
)
from contracts.billing_runs import (
    BillingRunView,
    ItemOutcome,
    NextRun,
    RunItem,
    StartBillingRun,
    VoidBillingRun,
)
from contracts.billing_settings import BillingSettings
from contracts.common import Page
from contracts.money import Money
from contracts.payment import PaymentReceived, PaymentReversed
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    PaymentPreview,
    Receivables,
    SuspensionsDue,
)
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
    SubscriberChanged,
)
from nameko.timer import timer
from servicekit.events import handles
from servicekit.idempotency import carry_out
from servicekit.ids import new_id
from servicekit.runtime import Runtime
from servicekit.service import Service, serves
from sqlalchemy.orm import Session

from billing_svc import jobs
from billing_svc.lookups import load_settings
from billing_svc.queries import accounts, invoices, preview, receivables, runs, suspensions, timeline
from billing_svc.usecases import billing_run, projections, settlement, voiding
from billing_svc.usecases import settings as settings_usecases
from billing_svc.views import run_view, settings_view

PROCESS = new_id()  # identifies this process as a holder of leases


@serves(Billing)
class BillingService(Service):
    @staticmethod
    def prepare(runtime: Runtime) -> None:
        with runtime.transaction() as session:
            settings_usecases.ensure_settings(session, now=runtime.now(), today=runtime.today())

    @timer(interval=0.5, eager=True)
    def work_on_billing_runs(self) -> None:
        jobs.work_on_billing_runs(self.runtime, PROCESS)

    @timer(interval=1)
    def collect_daily(self) -> None:
        jobs.collect_daily(self.runtime, PROCESS)

    def get_settings(self) -> BillingSettings:
        with self.runtime.reading() as session:
            return settings_view(load_settings(session))

    def change_settings(self, command: ChangeSettings) -> BillingSettings:
        with self.runtime.transaction() as session:
            changed = settings_usecases.change_settings(
                session, command, now=self.runtime.now(), today=self.runtime.today()
            )
            return settings_view(changed)

    def get_next_run(self, invoice_generation_day: int | None) -> NextRun:
        with self.runtime.reading() as session:
            return runs.get_next_run(session, invoice_generation_day, self.runtime.today())

    def start_billing_run(self, command: StartBillingRun) -> BillingRunView:
        def start(session: Session) -> BillingRunView:
            run = billing_run.start_run(session, command, now=self.runtime.now(), today=self.runtime.today())
            return run_view(run, load_settings(session).currency)

        return carry_out(self.runtime, command, BillingRunView, start)

    def get_billing_run(self, run_id: str) -> BillingRunView:
        with self.runtime.reading() as session:
            return runs.get_billing_run(session, run_id)

    def void_billing_run(self, command: VoidBillingRun) -> BillingRunView:
        jobs.void_run(self.runtime, command)
        with self.runtime.reading() as session:
            return runs.get_billing_run(session, command.run_id)

    def list_billing_runs(self, limit: int, after: str | None) -> Page[BillingRunView]:
        with self.runtime.reading() as session:
            return runs.list_billing_runs(session, limit, after)

    def list_billing_run_items(
        self, run_id: str, outcome: ItemOutcome | None, limit: int, after: str | None
    ) -> Page[RunItem]:
        with self.runtime.reading() as session:
            return runs.list_billing_run_items(session, run_id, outcome, limit, after)

    def run_collections(self, command: RunCollections) -> CollectionsRunView:
        day = command.date or self.runtime.today()
        return jobs.run_collections(self.runtime, day, dry_run=command.dry_run)

    def get_invoice(self, invoice_id: str) -> InvoiceView:
        with self.runtime.reading() as session:
            return invoices.get_invoice(session, invoice_id, self.runtime.today())

    def list_invoices(self, query: InvoiceQuery, limit: int, after: str | None) -> Page[InvoiceSummary]:
        with self.runtime.reading() as session:
            return invoices.list_invoices(session, query, limit, after, self.runtime.today())

    def void_invoice(self, command: VoidInvoice) -> InvoiceView:
        now, today = self.runtime.now(), self.runtime.today()
        with self.runtime.transaction() as session:
            voiding.void_invoice(session, command, now=now, today=today)
            session.flush()
            return invoices.get_invoice(session, command.invoice_id, today)

    def get_account(self, subscriber_id: str) -> AccountView:
        with self.runtime.reading() as session:
            return accounts.list_accounts(session, [subscriber_id], self.runtime.today())[0]

    def list_accounts(self, subscriber_ids: list[str]) -> list[AccountView]:
        with self.runtime.reading() as session:
            return accounts.list_accounts(session, subscriber_ids, self.runtime.today())

    def find_allocations(self, payment_id: str) -> list[AllocationView] | None:
        with self.runtime.reading() as session:
            return invoices.find_allocations(session, payment_id)

    def preview_payment(self, subscriber_id: str, amount: Money, invoice_id: str | None) -> PaymentPreview:
        with self.runtime.reading() as session:
            return preview.preview_payment(session, subscriber_id, amount, invoice_id, self.runtime.today())

    def list_ledger_entries(self, subscriber_id: str, limit: int, after: str | None) -> Page[LedgerEntryView]:
        with self.runtime.reading() as session:
            return accounts.list_ledger_entries(session, subscriber_id, limit, after)

    def check_ledger(self) -> LedgerCheck:
        with self.runtime.reading() as session:
            return accounts.check_ledger(session)

    def get_receivables(self) -> Receivables:
        with self.runtime.reading() as session:
            return receivables.get_receivables(session, self.runtime.today())

    def list_aging(self) -> list[AgingBucket]:
        with self.runtime.reading() as session:
            return receivables.list_aging(session, self.runtime.today())

    def list_days_collected(self, days: int) -> list[DayCollected]:
        with self.runtime.reading() as session:
            return receivables.list_days_collected(session, days, self.runtime.today())

    def list_suspensions_due(self, until: date, limit: int, after: str | None) -> SuspensionsDue:
        with self.runtime.reading() as session:
            return suspensions.list_suspensions_due(
                session, until, limit, after, now=self.runtime.now(), zone=self.runtime.settings.time_zone
            )

    def list_account_events(self, subscriber_id: str, limit: int) -> list[AccountEvent]:
        with self.runtime.reading() as session:
            return timeline.list_account_events(session, subscriber_id, limit)

    @handles(SubscriberChanged)
    def on_subscriber_changed(self, session: Session, event: SubscriberChanged) -> None:
        """Use the new name on invoices."""
        projections.keep_subscriber(session, event)

    @handles(PlanChanged)
    def on_plan_changed(self, session: Session, event: PlanChanged) -> None:
        """Use the new price for later invoices."""
        projections.keep_plan(session, event.plan)

    @handles(ServiceCreated, ServiceChanged, ServiceTerminated, ServiceHoldPlaced, ServiceHoldReleased)
    def on_service_changed(self, session: Session, event: ServiceEvent) -> None:
        """Keep its status and terms for the next billing run."""
        projections.keep_service(session, event.service)

    @handles(ServiceExempted, ServiceExemptionEnded)
    def on_exemption_changed(self, session: Session, event: ServiceExempted | ServiceExemptionEnded) -> None:
        """Leave an exempted service alone in collections until its exemption ends."""
        projections.keep_exemption(session, event)

    @handles(PaymentReceived)
    def on_payment_received(self, session: Session, event: PaymentReceived) -> None:
        """Enter the payment in the ledger and allocate it."""
        settlement.apply_payment(session, event, now=self.runtime.now(), today=self.runtime.today())

    @handles(PaymentReversed)
    def on_payment_reversed(self, session: Session, event: PaymentReversed) -> None:
        """Undo the payment: open what it paid again."""
        settlement.reverse_payment(session, event, now=self.runtime.now())
