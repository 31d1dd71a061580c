"""billing-svc in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contracts.billing import (
    AccountEvent,
    AccountEventKind,
    AccountView,
    AllocationView,
    BillingRunView,
    CollectionStatus,
    InvoiceLineView,
    InvoiceStatus,
    InvoiceView,
    ItemOutcome,
    LedgerCheck,
    PriceSource,
    RunItem,
    RunStatus,
)
from contracts.billing_settings import DEFAULTS, SETTINGS
from contracts.common import Conflict, Page, changes
from contracts.money import Money
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    Receivables,
    SuspensionsDue,
)

from gateway_fakes.base import NOTHING, NOW, PERIOD, PESO, TODAY, Fake, matches, paged


class FakeBilling(Fake):
    settings = DEFAULTS

    def __init__(self, world):
        super().__init__(world)
        self.runs: dict[str, BillingRunView] = {}
        self.items: dict[str, list[RunItem]] = {}

    def get_settings(self):
        return self.settings

    def change_settings(self, command):
        changed = dict(changes(command))
        for name, value in changed.items():
            SETTINGS[name].check(name, value)
        self.settings = replace(self.settings, **changed)
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
            and matches(query.text, each.number, each.subscriber_name)
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
