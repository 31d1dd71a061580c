"""billing-svc in memory: one price per service and month, without discounts, tax or collections."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contracts.billing import (
    AccountEvent,
    AccountEventKind,
    AccountView,
    AllocationView,
    CollectionStatus,
    InvoiceLineView,
    InvoiceOrder,
    InvoiceStatus,
    InvoiceView,
    LedgerCheck,
    PriceSource,
    VoidInvoice,
)
from contracts.billing_runs import BillingRunView, ItemOutcome, NextRun, RunItem, RunStatus
from contracts.billing_settings import DEFAULTS, SETTINGS
from contracts.common import (
    BillingPeriod,
    CommandWarning,
    Conflict,
    InvalidInput,
    Page,
    changes,
    check_confirmed,
)
from contracts.money import Money, total
from contracts.receivables import (
    AgingBucket,
    CollectionsRunView,
    DayCollected,
    PaymentPreview,
    Receivables,
    ShareView,
    SuspensionsDue,
)
from contracts.subscriber import ServiceStatus
from servicekit.paging import searched

from gateway_fakes.base import NOTHING, NOW, PERIOD, TODAY, Fake, contains, ordered, paged

AGES = ((0, 0), (1, 30), (31, 60), (61, 90), (91, None))
KEYS = {
    InvoiceOrder.DUE_ON: lambda invoice: invoice.due_on,
    InvoiceOrder.TOTAL: lambda invoice: invoice.total.minor,
}


class FakeBilling(Fake):
    def __init__(self, world):
        super().__init__(world)
        self.settings = DEFAULTS
        self.runs: dict[str, BillingRunView] = {}
        self.items: dict[str, list[RunItem]] = {}

    # Settings

    def get_settings(self):
        return self.settings

    def change_settings(self, command):
        changed = dict(changes(command))
        for name, value in changed.items():
            SETTINGS[name].check(name, value)
        self.settings = self._changed(self.settings, **self._edited(self.settings, command, **changed))
        return self.settings

    # Runs

    def get_next_run(self, invoice_generation_day):
        day = invoice_generation_day or self.settings.invoice_generation_day
        SETTINGS["invoice_generation_day"].check("invoice_generation_day", day)
        following = BillingPeriod(PERIOD.end, PERIOD.end.replace(year=PERIOD.end.year + 1, month=1))
        return NextRun(PERIOD.end.replace(day=day), following, [PERIOD])

    def start_billing_run(self, command):
        return self.world.once(command, lambda: self._run(command))

    def _run(self, command):
        if not command.dry_run and (command.date or TODAY) > TODAY + timedelta(days=62):
            month = f"{command.date:%B %Y}"
            warning = CommandWarning("future_month", f"{month} is far ahead.", {"type": month})
            check_confirmed(command, [warning])
        to_bill = {
            service.subscriber_id: self.world.subscribers[service.subscriber_id]
            for service in self.world.services.values()
            if service.status is not ServiceStatus.TERMINATED
        }
        chosen = [one for one in to_bill.values() if command.subscriber_id in (None, one.id)]
        items = [self._bill(subscriber, command) for subscriber in chosen]
        outcomes = [item.outcome for item in items]
        run = BillingRunView(
            id=self.world.new_id("run"),
            date=command.date or TODAY,
            period=PERIOD,
            dry_run=command.dry_run,
            status=RunStatus.FINISHED,
            total=len(items),
            created=outcomes.count(ItemOutcome.CREATED),
            skipped=outcomes.count(ItemOutcome.SKIPPED),
            failed=0,
            amount=total([item.amount for item in items if item.amount is not None]),
            error=None,
            started_at=NOW,
            finished_at=NOW,
            subscriber_id=command.subscriber_id,
            voided_too=command.voided_too,
            same_login_too=command.same_login_too,
        )
        self.runs[run.id], self.items[run.id] = run, items
        return run

    def _bill(self, subscriber, command):
        numbers, voided = (
            {
                line.service_id: invoice.number
                for invoice in self._invoices_of(subscriber.id)
                if (invoice.status is InvoiceStatus.VOID) is is_void
                for line in invoice.lines
            }
            for is_void in (False, True)
        )
        if command.voided_too:
            voided = {}
        live = [
            service
            for service in self.world.services.values()
            if service.subscriber_id == subscriber.id and service.status is not ServiceStatus.TERMINATED
        ]
        lines = [self._line(service) for service in live if service.id not in numbers | voided]
        item = RunItem(subscriber.id, subscriber.full_name, ItemOutcome.CREATED, "", None, None)
        if not lines and not any(service.id in numbers for service in live):
            reason = "; ".join(f"{number} was voided" for number in voided.values())
            return replace(item, outcome=ItemOutcome.SKIPPED, reason=reason)
        if not lines:
            billed = ", ".join(sorted({numbers[service.id] for service in live if service.id in numbers}))
            reason = f"already invoiced for this period: {billed}"
            return replace(item, outcome=ItemOutcome.SKIPPED, reason=reason)
        item = replace(item, amount=total([line.amount for line in lines]))
        return item if command.dry_run else replace(item, invoice_id=self._issue(subscriber, lines))

    def _line(self, service):
        plan, individual = self.world.plans[service.plan_id], service.billing_terms.individual_price
        price = individual or plan.price
        return InvoiceLineView(
            service_id=service.id,
            description=f"{plan.name} ({service.pppoe_username})",
            period=PERIOD,
            plan_name=plan.name,
            price=price,
            price_source=PriceSource.PLAN if individual is None else PriceSource.INDIVIDUAL,
            discount_amount=NOTHING,
            tax=NOTHING,
            amount=price,
        )

    def _issue(self, subscriber, lines):
        """The id of a new invoice, which is paid from credit as far as that goes."""
        amount = total([line.amount for line in lines])
        invoice = InvoiceView(
            id=self.world.new_id("invoice"),
            number=f"{self.settings.invoice_series}-{len(self.world.invoices) + 1:06}",
            subscriber_id=subscriber.id,
            subscriber_name=subscriber.full_name,
            status=InvoiceStatus.SENT,
            collection_status=CollectionStatus.PENDING,
            issued_on=TODAY,
            due_on=TODAY + timedelta(days=self.settings.payment_terms_days),
            days_overdue=0,
            period=PERIOD,
            total=amount,
            balance=amount,
            lines=lines,
            allocations=[],
            created_at=NOW,
            voided_at=None,
            voided_by=None,
            void_reason=None,
        )
        self.world.invoices[invoice.id] = invoice
        self._use_credit(subscriber.id)
        return invoice.id

    def void_billing_run(self, command):
        run = self._known(self.runs, command.run_id)
        ids = [item.invoice_id for item in self.items[run.id] if item.invoice_id]
        if any(self.world.invoices[id_].allocations for id_ in ids):
            raise Conflict("1 of its invoices has been paid since; void the others one by one")
        for id_ in ids:
            self.void_invoice(VoidInvoice(invoice_id=id_, reason=command.reason, actor=command.actor))
        self.runs[run.id] = replace(run, voided=len(ids))
        return self.runs[run.id]

    def get_billing_run(self, run_id):
        return self._known(self.runs, run_id)

    def list_billing_runs(self, limit, after):
        return paged(ordered(self.runs.values()), limit, after)

    def list_billing_run_items(self, run_id, outcome, limit, after):
        kept = [item for item in self.items.get(run_id, []) if outcome in (None, item.outcome)]
        return paged(kept, limit, after)

    def run_collections(self, command):
        return CollectionsRunView(command.date or TODAY, command.dry_run, 0, 0, 0, [])

    # Invoices

    def get_invoice(self, invoice_id):
        return self._known(self.world.invoices, invoice_id)

    def list_invoices(self, query, limit, after):
        kept = [
            each
            for each in self.world.invoices.values()
            if (not query.statuses or each.status in query.statuses)
            and query.subscriber_id in (None, each.subscriber_id)
            and (query.due_from or each.due_on) <= each.due_on <= (query.due_until or each.due_on)
            and (
                each.number.lower().startswith(searched(query.text))
                or contains(query.text, each.subscriber_name)
            )
        ]
        key = KEYS.get(InvoiceOrder(query.order.removeprefix("-")))
        return paged(ordered(kept, key, descending=query.order not in KEYS), limit, after)

    def void_invoice(self, command):
        invoice = self._known(self.world.invoices, command.invoice_id)
        if invoice.status is InvoiceStatus.VOID:
            return invoice
        if invoice.status is InvoiceStatus.PAID:
            raise Conflict(f"invoice {invoice.number} is paid; a paid invoice is final")
        self.world.invoices[invoice.id] = replace(
            invoice,
            status=InvoiceStatus.VOID,
            balance=NOTHING,
            allocations=[],
            voided_at=NOW,
            voided_by=command.actor,
            void_reason=command.reason,
        )
        self._use_credit(invoice.subscriber_id)
        return self.world.invoices[invoice.id]

    def _invoices_of(self, subscriber_id):
        return [each for each in self.world.invoices.values() if each.subscriber_id == subscriber_id]

    # Money

    def allocate(self, payment):
        """Pay the invoice that the payment names, then the oldest open ones."""
        invoices = self._invoices_of(payment.subscriber_id)
        for invoice in sorted(invoices, key=lambda each: (each.id != payment.invoice_id, each.due_on)):
            amount = min(self._unallocated(payment).minor, invoice.balance.minor)
            if amount > 0:
                self._pay(invoice, payment, Money(amount))

    def _pay(self, invoice, payment, amount):
        id_ = self.world.new_id("allocation")
        allocation = AllocationView(id_, payment.id, invoice.id, invoice.number, amount, NOW)
        balance = invoice.balance - amount
        self.world.invoices[invoice.id] = replace(
            invoice,
            balance=balance,
            status=InvoiceStatus.PARTIALLY_PAID if balance.minor else InvoiceStatus.PAID,
            allocations=[*invoice.allocations, allocation],
        )

    def take_off(self, payment):
        """Open the invoices that a reversed payment paid."""
        for invoice in list(self.world.invoices.values()):
            kept = [each for each in invoice.allocations if each.payment_id != payment.id]
            if len(kept) < len(invoice.allocations):
                balance = invoice.total - total([each.amount for each in kept])
                status = InvoiceStatus.PARTIALLY_PAID if kept else InvoiceStatus.SENT
                self.world.invoices[invoice.id] = replace(
                    invoice, allocations=kept, balance=balance, status=status
                )
        self._use_credit(payment.subscriber_id)

    def _use_credit(self, subscriber_id):
        for payment in self.world.payments.values():
            if payment.subscriber_id == subscriber_id:
                self.allocate(payment)

    def _allocations(self, payment_id):
        return [
            allocation
            for invoice in self.world.invoices.values()
            for allocation in invoice.allocations
            if allocation.payment_id == payment_id
        ]

    def _unallocated(self, payment):
        if self.world.payments[payment.id].reversal is not None:
            return NOTHING
        return payment.amount - total([each.amount for each in self._allocations(payment.id)])

    def find_allocations(self, payment_id):
        """Unknown for as many calls as `allocation_lag` says."""
        if self.world.allocation_lag > 0:
            self.world.allocation_lag -= 1
            return None
        return self._allocations(payment_id) if payment_id in self.world.payments else None

    def preview_payment(self, subscriber_id, amount, invoice_id):
        shares, left = [], amount
        open_ones = [each for each in self._invoices_of(subscriber_id) if each.balance.minor > 0]
        for invoice in sorted(open_ones, key=lambda each: (each.id != invoice_id, each.due_on)):
            part = min(left, invoice.balance)
            if part.minor > 0:
                shares.append(ShareView(invoice.id, invoice.number, part, invoice.balance - part))
                left = left - part
        services = [each for each in self.world.services.values() if each.subscriber_id == subscriber_id]
        prices = [self._price(each) for each in services]
        return PaymentPreview(
            balance=self.get_account(subscriber_id).balance,
            shares=shares,
            credit=left,
            monthly=total(prices) if prices else None,
        )

    def _price(self, service):
        own = service.billing_terms.individual_price
        return self.world.plans[service.plan_id].price if own is None else own

    def get_account(self, subscriber_id):
        invoices = self._invoices_of(subscriber_id)
        payments = [each for each in self.world.payments.values() if each.subscriber_id == subscriber_id]
        credit = total([self._unallocated(payment) for payment in payments])
        owed = total([invoice.balance for invoice in invoices])
        return AccountView(subscriber_id, owed - credit, credit, _overdue(invoices))

    def list_accounts(self, subscriber_ids):
        return [self.get_account(each) for each in subscriber_ids]

    def list_ledger_entries(self, subscriber_id, limit, after):
        return Page([])

    def check_ledger(self):
        return LedgerCheck(NOTHING, NOTHING, NOTHING, [])

    # Figures

    def get_receivables(self):
        invoices = [each for each in self.world.invoices.values() if each.balance.minor > 0]
        late = [each for each in invoices if each.due_on < TODAY]
        owed = total([each.balance for each in invoices])
        days = [TODAY - timedelta(days=age) for age in range((TODAY - PERIOD.start).days + 1)]
        this_month = total([self._collected(day) for day in days])
        return Receivables(
            owed, _overdue(invoices), self._collected(TODAY), this_month, len(invoices), len(late)
        )

    def _collected(self, day):
        paid = self.world.payments.values()
        received = total([each.amount for each in paid if each.received_on == day])
        return received - total(
            [each.amount for each in paid if each.reversal and each.reversal.counts_on == day]
        )

    def list_aging(self):
        late = [(max(0, (TODAY - each.due_on).days), each.balance) for each in self.world.invoices.values()]
        open_ones = [(days, balance) for days, balance in late if balance.minor > 0]
        buckets = []
        for first, last in AGES:
            within = [
                balance for days, balance in open_ones if first <= days <= (days if last is None else last)
            ]
            buckets.append(AgingBucket(first, last, len(within), total(within)))
        return buckets

    def list_days_collected(self, days):
        if not 1 <= days <= 366:
            raise InvalidInput.of("days", "must be between 1 and 366")
        dates = [TODAY - timedelta(days=age) for age in range(days - 1, -1, -1)]
        kept = [each.received_on for each in self.world.payments.values() if each.reversal is None]
        return [DayCollected(day, kept.count(day), self._collected(day)) for day in dates]

    def list_suspensions_due(self, until, limit, after):
        if until < TODAY:
            raise InvalidInput.of("until", f"{until} is over")
        rows = self.world.suspensions_due if self.settings.auto_suspend else []
        owed = total([row.overdue for row in rows])
        return SuspensionsDue(until, self.settings.auto_suspend, len(rows), owed, paged(rows, limit, after))

    def list_account_events(self, subscriber_id, limit):
        """All at the same time, so the newest are the ones that can only follow the others."""
        issued, voided, paid = [], [], []
        for invoice in self._invoices_of(subscriber_id):
            event = AccountEvent(
                NOW, AccountEventKind.INVOICE_ISSUED, invoice.id, invoice.number, None, invoice.total
            )
            issued.append(event)
            if invoice.voided_at is not None:
                voided.append(replace(event, kind=AccountEventKind.INVOICE_VOIDED))
            paid += [
                replace(
                    event,
                    kind=AccountEventKind.PAYMENT_ALLOCATED,
                    payment_id=allocation.payment_id,
                    amount=allocation.amount,
                )
                for allocation in invoice.allocations
            ]
        return [*issued, *voided, *paid][::-1][:limit]


def _overdue(invoices):
    return total([invoice.balance for invoice in invoices if invoice.due_on < TODAY])
