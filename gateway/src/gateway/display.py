"""How things are said on the screen: money, speeds, dates, statuses. Templates only place these words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_currency
from contracts.billing import (
    AccountView,
    CollectionStatus,
    InvoiceStatus,
    InvoiceSummary,
    ItemOutcome,
    PeriodTotals,
    RunStatus,
)
from contracts.common import BillingPeriod
from contracts.money import Money
from contracts.payment import PaymentMethod
from contracts.radius import NasActivity, NasHealth, ReconnectBucket, ReconnectView, ServiceState, SessionView
from contracts.receivables import AgingBucket
from contracts.router import RouterStatus, RouterView
from contracts.subscriber import (
    BillingTerms,
    DiscountKind,
    HoldReason,
    PlanStatus,
    PlanView,
    ServiceStatus,
    ServiceView,
    SubscriberView,
)
from flask import Flask
from servicekit.clock import local_date

from gateway.context import current
from gateway.provisioning import is_provisioned

LOCALE = "en_PH"
NONE = "–"
MINUTE = 60_000  # milliseconds


@dataclass(frozen=True)
class Words:
    """A status in words, and its tone: good, bad, warn or quiet."""

    text: str
    tone: str


def register(app: Flask) -> None:
    for name in (
        "money",
        "speed",
        "day",
        "moment",
        "clock_time",
        "ago",
        "capitalize_first",
        "count",
        "octets",
        "period",
        "duration",
        "invoice_status",
        "account_state",
        "due_in_words",
        "collection_status",
        "plan_status",
        "ledger_kind",
        "ledger_account",
        "service_status",
        "router_status",
        "hold_reason",
        "method",
        "terms",
        "run_status",
        "run_outcome",
        "session_status",
        "ended_because",
        "reconnect_how",
        "seconds_short",
    ):
        app.add_template_filter(globals()[name], name)


def money(amount: Money | None) -> str:
    """₱1,500.00"""
    if amount is None:
        return NONE
    return _currency(amount.minor, amount.currency)


# A list holds a hundred amounts and as many dates, many of them alike; Babel takes its time for each.
@lru_cache(maxsize=2_000)
def _currency(minor: int, currency: str) -> str:
    return format_currency(Decimal(minor).scaleb(-2), currency, locale=LOCALE)


def plain_amount(amount: Money) -> str:
    """1500.00, for a file that a program reads."""
    return f"{Decimal(amount.minor).scaleb(-2):.2f}"


def count(number: int) -> str:
    """10,000"""
    return f"{number:,}"


def speed(kbps: int) -> str:
    """50 Mbps; 512 kbps; 1.5 Gbps"""
    for unit, size in (("Gbps", 1_000_000), ("Mbps", 1_000)):
        if kbps >= size:
            return f"{(Decimal(kbps) / size).normalize():f} {unit}"
    return f"{kbps} kbps"


def day(value: date | None) -> str:
    """23 Nov 2026"""
    return _date(value) if value else NONE


@lru_cache(maxsize=2_000)
def _date(value: date) -> str:
    return format_date(value, "d MMM y", locale="en")


def start_of(value: date) -> int:
    """A day as a point of a chart: its first second in the ISP's time zone."""
    return int(datetime.combine(value, time(), current().settings.time_zone).timestamp())


def moment(instant: datetime | None) -> str:
    """23 Nov 2026, 10:02:11, in the ISP's time zone"""
    if instant is None:
        return NONE
    local = instant.astimezone(current().settings.time_zone)
    return f"{day(local.date())}, {local:%H:%M:%S}"


def ago(instant: datetime) -> str:
    """just now; 3 minutes ago; 1 hour ago; 12 days ago"""
    passed = current().clock.now() - instant
    for size, name in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if passed >= size:
            number = passed // size
            return f"{number} {name}{'' if number == 1 else 's'} ago"
    return "just now"


def capitalize_first(text: str) -> str:
    """Unlike `capitalize`, it leaves names further on as they are."""
    return text[:1].upper() + text[1:].rstrip(".")


def clock_time(instant: datetime) -> str:
    """10:02:11, in the ISP's time zone"""
    return f"{instant.astimezone(current().settings.time_zone):%H:%M:%S}"


def period(value: BillingPeriod) -> str:
    """1 Nov 2026 to 30 Nov 2026: the last day is one that belongs to it."""
    return f"{day(value.start)} to {day(value.end - timedelta(days=1))}"


def octets(count: int) -> str:
    """1.5 GB"""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{Decimal(count) / size:.1f} {unit}"
    return f"{count} B"


def duration(case: ReconnectView) -> str:
    """0.412 s"""
    if case.milliseconds is None:
        return "not back yet"
    if case.milliseconds < MINUTE:
        return f"{Decimal(case.milliseconds).scaleb(-3)} s"
    return seconds_short(case.milliseconds)


def seconds_short(milliseconds: int | None) -> str:
    """0.4 s; 2 min 5 s; 3 h 10 min; 18 days"""
    if milliseconds is None:
        return NONE
    if milliseconds < MINUTE:
        return f"{Decimal(milliseconds).scaleb(-3):.1f} s"
    minutes, rest = divmod(milliseconds, MINUTE)
    if minutes < 60:
        return f"{minutes} min {rest // 1000} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else days(hours // 24)


def days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def due_in_words(invoice: InvoiceSummary) -> str:
    """Overdue 12 days; due in 3 days; nothing for an invoice that is done with."""
    if invoice.status in (InvoiceStatus.PAID, InvoiceStatus.VOID):
        return ""
    if invoice.days_overdue:
        return f"overdue {days(invoice.days_overdue)}"
    left = (invoice.due_on - current().today()).days
    return "due today" if left == 0 else f"due in {days(left)}"


def collection_status(invoice: InvoiceSummary) -> str:
    words = {
        CollectionStatus.PENDING: "Nothing yet",
        CollectionStatus.SUSPENDED: "Suspended for it",
        CollectionStatus.RESTORED: "Restored after payment",
    }
    return words[invoice.collection_status]


def difference(amount: Money, invoices: int, before: PeriodTotals) -> str:
    """₱1,500.00 more than for 1 Oct 2026 to 31 Oct 2026 (3 invoices, 1 more)"""

    def words(change: int, shown: str) -> str:
        return "As much as" if change == 0 else f"{shown} {'more' if change > 0 else 'less'} than"

    minor = amount.minor - before.amount.minor
    money_words = words(minor, money(Money(abs(minor), amount.currency)))
    more = invoices - before.invoices
    count_words = "as many" if more == 0 else f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
    return f"{money_words} for {period(before.period)}, {count_words} invoices"


def aging_words(bucket: AgingBucket) -> str:
    if bucket.from_days == 0:
        return "Not due yet"
    if bucket.until_days is None:
        return f"More than {bucket.from_days - 1} days"
    return f"{bucket.from_days} to {bucket.until_days} days"


def bucket_words(bucket: ReconnectBucket) -> str:
    """up to 2 s"""
    if bucket.up_to_milliseconds is None:
        return "longer"
    return f"≤ {Decimal(bucket.up_to_milliseconds).scaleb(-3).normalize():f} s"


def account_state(account: AccountView) -> Words:
    """What is to be known about a balance."""
    if account.overdue.minor:
        return Words(f"{money(account.overdue)} overdue", "bad")
    if account.credit.minor:
        return Words(f"{money(account.credit)} credit", "good")
    return Words("Not due yet", "info") if account.balance.minor else Words("Nothing to pay", "good")


def provisioned_in_words(service: ServiceView, state: ServiceState | None) -> str:
    if not is_provisioned(service, state):
        return "Not yet"
    return "Yes, the next dial gets in" if service.status is ServiceStatus.ACTIVE else "Yes"


def ledger_kind(kind: str) -> str:
    words = {"invoice": "Invoice issued", "void": "Invoice voided", "payment": "Payment received"}
    return words.get(kind, kind.capitalize())


def ledger_account(account: str) -> str:
    """`receivable` is what the subscriber owes; `cash:gcash` what came in by GCash."""
    name, _, how = account.partition(":")
    words = {"receivable": "Owed by the subscriber", "revenue": "Revenue", "tax_payable": "VAT payable"}
    if name == "cash" and how in set(PaymentMethod):
        return method(PaymentMethod(how))
    return words.get(name, account)


def plan_status(plan: PlanView) -> Words:
    words = {PlanStatus.ACTIVE: Words("Active", "good"), PlanStatus.ARCHIVED: Words("Archived", "quiet")}
    return words[plan.status]


def invoice_status(invoice: InvoiceSummary) -> Words:
    words = {
        InvoiceStatus.SENT: Words("Sent", "info"),
        InvoiceStatus.PARTIALLY_PAID: Words("Partially Paid", "warn"),
        InvoiceStatus.OVERDUE: Words("Overdue", "bad"),
        InvoiceStatus.PAID: Words("Paid", "good"),
        InvoiceStatus.VOID: Words("Void", "quiet"),
    }
    return words[invoice.status]


def service_status(service: ServiceView) -> Words:
    words = {
        ServiceStatus.ACTIVE: Words("Active", "good"),
        ServiceStatus.SUSPENDED: Words("Suspended", "bad"),
        ServiceStatus.TERMINATED: Words("Terminated", "quiet"),
    }
    return words[service.status]


@dataclass(frozen=True)
class LineState:
    """A subscriber's state: a badge, and the reason in a sentence."""

    badge: Words
    reason: str


def status_in_words(subscriber: SubscriberView) -> LineState:
    """Of all services together: suspended while any of them is."""
    live = [service for service in subscriber.services if service.status is not ServiceStatus.TERMINATED]
    if not live:
        if subscriber.services:
            return LineState(Words("Terminated", "quiet"), "Every service has ended.")
        return LineState(Words("No service", "quiet"), "Add a service to give this subscriber a line.")
    held = [hold for service in live for hold in service.holds if hold.released_at is None]
    if not held:
        since = min(service.activated_on for service in live)
        return LineState(Words("Active", "good"), f"Customer since {day(since)}.")
    zone = current().settings.time_zone
    since_when = [
        f"{hold_reason(hold.reason)} since {day(local_date(hold.placed_at, zone))}" for hold in held
    ]
    return LineState(Words("Suspended", "bad"), f"{'; '.join(dict.fromkeys(since_when))}.")


def router_status(router: RouterView, activity: NasActivity | None) -> Words:
    if router.status is RouterStatus.DISABLED:
        return Words("Disabled", "quiet")
    if activity is None:
        return Words("Not known now", "quiet")
    words = {
        NasHealth.CONNECTED: Words("Connected", "good"),
        NasHealth.SILENT: Words("Silent", "warn"),
        NasHealth.NEVER_HEARD: Words("Never heard from", "quiet"),
    }
    return words[activity.health]


def hold_reason(reason: HoldReason) -> str:
    words = {
        HoldReason.OVERDUE: "Overdue bill",
        HoldReason.ADMIN: "Suspended by an operator",
        HoldReason.ABUSE: "Abuse",
        HoldReason.VACATION: "Vacation",
        HoldReason.EQUIPMENT: "Equipment",
    }
    return words[reason]


def method(value: PaymentMethod) -> str:
    words = {
        PaymentMethod.CASH: "Cash",
        PaymentMethod.GCASH: "GCash",
        PaymentMethod.BANK: "Bank transfer",
        PaymentMethod.OTHER: "Other",
    }
    return words[value]


def terms(value: BillingTerms) -> str:
    """Plan price; or the individual price and the discount in words."""
    price = "Plan price"
    if value.individual_price is not None:
        price = f"Individual price {money(value.individual_price)}"
    discount = value.discount
    if discount is None:
        return price
    if discount.kind is DiscountKind.PERCENT:
        amount = f"{Decimal(discount.value).scaleb(-2).normalize():f} %"
    else:
        amount = money(Money(discount.value))
    until = f" until {day(discount.until)}" if discount.until else ""
    return f"{price}, less {amount}{until}"


def run_status(status: RunStatus) -> Words:
    words = {
        RunStatus.RUNNING: Words("Running", "warn"),
        RunStatus.FINISHED: Words("Finished", "good"),
        RunStatus.FAILED: Words("Failed", "bad"),
    }
    return words[status]


def run_outcome(outcome: ItemOutcome, dry_run: bool) -> str:
    """What became of a subscriber in a billing run, or in a preview would become."""
    if dry_run and outcome is ItemOutcome.CREATED:
        return "To be created"
    return outcome.value.capitalize()


def session_status(session: SessionView) -> Words:
    if session.stopped_at is None:
        return Words("Online", "good")
    return Words("Ended", "quiet")


def ended_because(session: SessionView) -> str:
    """Admin-Reset; the router stopped reporting it; nothing while it goes on."""
    if session.stopped_at is None:
        return ""
    return session.ended_because or session.terminate_cause or "cause unknown"


def reconnect_how(case: ReconnectView) -> str:
    words = {"redial": "dialled again", "coa": "live session changed"}
    return words.get(case.how or "", "waiting for the line")


def line_in_words(service: ServiceView) -> Words:
    """The state of a line as its subscriber is told."""
    if service.status is ServiceStatus.ACTIVE:
        return Words("Your line is on.", "good")
    if service.status is ServiceStatus.TERMINATED:
        return Words("This service has ended.", "quiet")
    reasons = {hold.reason for hold in service.holds if hold.released_at is None}
    if reasons == {HoldReason.OVERDUE}:
        return Words("Your line is off because a bill is overdue. It comes back once you pay.", "bad")
    return Words("Your line is off. Please contact us.", "bad")
