"""The dashboard. Each panel loads separately with one call to one service, so only that panel can fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.billing import InvoiceQuery
from contracts.holds import HoldChange
from contracts.money import Money
from contracts.payment import PaymentQuery
from contracts.radius import RECONNECT_PROMISE_SECONDS
from contracts.receivables import AgingBucket, Receivables
from contracts.subscriber_lists import SubscriberQuery
from flask import Response, url_for

from gateway.admin import timeline
from gateway.admin.pages import Entry, allowed, page, show
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display.billing import aging_words
from gateway.display.network import bucket_words
from gateway.display.subscribers import hold_reason
from gateway.display.times import day, start_of
from gateway.http.access import Permission

COLLECTED_DAYS = 30
ONLINE_HOURS = 24
RECONNECT_DAYS = 30
SHOWN = 5
EVENTS = 8
PROMISED_MILLISECONDS = RECONNECT_PROMISE_SECONDS * 1000
# For each step: what must exist for it to be done, its title, its note, its button, and the button's page.
STEPS = (
    (
        "routers",
        "Add your router",
        "It asks ISP-OS over RADIUS who can log in.",
        "Add Router",
        "admin.add_router",
    ),
    ("plans", "Add a plan", "Set its name, monthly price and speed.", "Add Plan", "admin.add_plan"),
    (
        "subscribers",
        "Add a subscriber",
        "The login works as soon as you click Save.",
        "Add Subscriber",
        "admin.add_subscriber",
    ),
    (
        "invoices",
        "Generate invoices",
        "Invoices are generated automatically on the billing day. You can also generate them now.",
        "Billing",
        "admin.billing",
    ),
    (
        "payments",
        "Record a payment",
        "Open an invoice and click Record Payment. A suspended service is restored automatically.",
        "Billing",
        "admin.billing",
    ),
)


@dataclass(frozen=True)
class Figure:
    """A sum of money that links to a list; `amount` is None while the service is unavailable."""

    name: str
    amount: Money | None
    note: str
    address: str


@page("/", permission=Permission.VIEW_DASHBOARD, sidebar=Entry(1, "Dashboard", "layout-dashboard"))
def dashboard() -> Response:
    return show(
        "dashboard.html",
        sees_money=allowed(Permission.VIEW_BILLING),
        sees_sessions=allowed(Permission.VIEW_SESSIONS),
        sees_steps=allowed(Permission.EDIT_SETTINGS) and not current().first_steps_over,
    )


@page("/panels/first-steps", permission=Permission.EDIT_SETTINGS)
def first_steps_panel() -> Response:
    steps = [] if current().first_steps_over else _steps()
    done = sum(step["done"] for step in steps)
    current().first_steps_over = done == len(steps)
    return show("panels/first_steps.html", steps=steps, done=done)


@page("/panels/online", permission=Permission.VIEW_SESSIONS)
def online_panel() -> Response:
    online = if_it_answers(current().optional.radius.count_open_sessions)
    return show("panels/online.html", online=online)


@page("/panels/figures", permission=Permission.VIEW_BILLING)
def figures_panel() -> Response:
    found = if_it_answers(current().optional.billing.get_receivables)
    return show("panels/figures.html", figures=_figures(found))


@page("/panels/collected", permission=Permission.VIEW_BILLING)
def collected_panel() -> Response:
    days = if_it_answers(lambda: current().optional.billing.list_days_collected(COLLECTED_DAYS)) or []
    some = any(day.amount.minor for day in days)
    chart = {
        "unit": "peso",
        "x": [start_of(day.date) for day in days],
        "series": [{"label": "Collected", "values": [day.amount.minor for day in days]}],
    }
    since = current().today() - timedelta(days=COLLECTED_DAYS - 1)
    return show("panels/collected.html", days=days, chart=chart, some=some, since=since)


@page("/panels/aging", permission=Permission.VIEW_BILLING)
def aging_panel() -> Response:
    buckets = if_it_answers(current().optional.billing.list_aging)
    return show("panels/aging.html", rows=_aging_rows(buckets or []), answered=buckets is not None)


@page("/panels/suspensions", permission=Permission.VIEW_BILLING)
def suspensions_panel() -> Response:
    tomorrow = current().today() + timedelta(days=1)
    due = if_it_answers(lambda: current().optional.billing.list_suspensions_due(tomorrow, SHOWN, None))
    return show("panels/suspensions.html", due=due)


@page("/panels/sessions", permission=Permission.VIEW_SESSIONS)
def sessions_panel() -> Response:
    samples = if_it_answers(lambda: current().optional.radius.list_online_samples(ONLINE_HOURS))
    now = int(current().wall_now().timestamp())
    chart = {
        "unit": "count",
        "hours": True,
        "from": now - ONLINE_HOURS * 3600,
        "until": now,
        "x": [int(sample.at.timestamp()) for sample in samples or []],
        "series": [{"label": "Online", "values": [sample.sessions for sample in samples or []]}],
    }
    most = max((sample.sessions for sample in samples or []), default=0)
    return show("panels/sessions.html", samples=samples, chart=chart, most=most)


@page("/panels/reconnects", permission=Permission.VIEW_DASHBOARD)
def reconnects_panel() -> Response:
    times = if_it_answers(lambda: current().optional.radius.get_reconnect_times(RECONNECT_DAYS))
    chart: dict[str, Any] = {"unit": "count", "x": [], "series": [{"label": "Services", "values": []}]}
    within = 0
    if times is not None:
        chart["x"] = list(range(len(times.buckets)))
        chart["categories"] = [bucket_words(bucket) for bucket in times.buckets]
        chart["series"][0]["values"] = [bucket.cases for bucket in times.buckets]
        within = sum(
            bucket.cases
            for bucket in times.buckets
            if bucket.up_to_milliseconds is not None and bucket.up_to_milliseconds <= PROMISED_MILLISECONDS
        )
    return show("panels/reconnects.html", times=times, chart=chart, within=within)


@page("/panels/events", permission=Permission.VIEW_DASHBOARD)
def events_panel() -> Response:
    """Payments and holds of all subscribers, newest first."""
    optional = current().optional
    holds = if_it_answers(lambda: optional.subscriber.list_hold_changes(EVENTS))
    missing = [] if holds is not None else ["The subscriber service"]
    moments = [_hold_moment(change) for change in holds or []]
    if allowed(Permission.VIEW_BILLING):
        paid = if_it_answers(lambda: optional.payment.list_payments(PaymentQuery(), EVENTS, None))
        missing += [] if paid is not None else ["The payment service"]
        moments += [
            moment
            for payment in (paid.items if paid else [])
            for moment in timeline.payment_moments(payment, payment.subscriber_name or "Subscriber")
        ]
    days = timeline.by_day(moments, EVENTS)
    return show("panels/timeline.html", timeline=timeline.Timeline(days, missing))


def _figures(found: Receivables | None) -> list[Figure]:
    today = current().today()
    month = today.replace(day=1)
    figures = (
        ("Receivable", "receivable", _invoices("open_invoices", "open", found), {"status": "open"}),
        ("Overdue", "overdue", _invoices("overdue_invoices", "overdue", found), {"status": "overdue"}),
        ("Collected today", "collected_today", day(today), {"from": today, "until": today}),
        ("Collected this month", "collected_this_month", f"Since {day(month)}", {"from": month}),
    )
    return [
        Figure(
            name,
            getattr(found, field) if found else None,
            note if found else "Billing isn't responding",
            url_for("admin.billing" if "status" in arguments else "admin.payments", **arguments),
        )
        for name, field, note, arguments in figures
    ]


def _invoices(field: str, what: str, found: Receivables | None) -> str:
    number = getattr(found, field) if found else 0
    return f"{number:,} {what} invoice{'' if number == 1 else 's'}"


def _hold_moment(change: HoldChange) -> timeline.Moment:
    what = f"{change.subscriber_name}, {hold_reason(change.reason)}"
    address = url_for("admin.subscriber", subscriber_id=change.subscriber_id)
    note = f"by {change.by}" if change.by else "The restore ended"
    return timeline.hold_moment(
        at=change.at,
        released=change.released,
        what=what,
        note=note,
        address=address,
        until=change.until,
        suspended=change.suspended,
    )


def _aging_rows(buckets: list[AgingBucket]) -> list[dict[str, Any]]:
    """Buckets with their labels and their place on a bar of 1,000 units."""
    total = sum(bucket.amount.minor for bucket in buckets)
    rows, begin = [], 0
    for tone, bucket in enumerate(buckets):
        width = bucket.amount.minor * 1000 // total if total else 0
        rows.append(
            {
                "words": aging_words(bucket),
                "bucket": bucket,
                "tone": tone,
                "x": begin,
                "width": width,
                "address": url_for("admin.billing", status="open", order="due_on", **_due_between(bucket)),
            }
        )
        begin += width
    return rows


def _due_between(bucket: AgingBucket) -> dict[str, Any]:
    """The due dates of a bucket, as URL arguments of the invoice list."""
    first, last = bucket.due_dates(current().today())
    return {name: due for name, due in (("due_until", last), ("due_from", first)) if due is not None}


def _steps() -> list[dict[str, Any]]:
    """The first steps. Each is done as soon as one record of its kind exists."""
    optional = current().optional
    ask = {
        "routers": lambda: optional.router.list_routers(1, None),
        "plans": lambda: optional.subscriber.list_plans(1, None),
        "subscribers": lambda: optional.subscriber.list_subscribers(SubscriberQuery(), 1, None),
        "invoices": lambda: optional.billing.list_invoices(InvoiceQuery(), 1, None),
        "payments": lambda: optional.payment.list_payments(PaymentQuery(), 1, None),
    }
    found: dict[str, Any] = {name: if_it_answers(question) for name, question in ask.items()}
    has = {name: bool(answer and answer.items) for name, answer in found.items()}
    return [
        {"title": title, "note": note, "button": button, "address": url_for(view), "done": has[name]}
        for name, title, note, button, view in STEPS
    ]
