"""The timeline of a subscriber: billing and network events together, from several services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from contracts.access import COVERED, was_suspended
from contracts.billing import SERVICE_NAME as BILLING
from contracts.billing import AccountEvent, AccountEventKind
from contracts.payment import PaymentQuery, PaymentView
from contracts.radius import LineEvent, LineEventKind, RequestOutcome
from contracts.subscriber import ServiceView, SubscriberView
from flask import url_for
from servicekit.clock import local_date

from gateway.admin.pages import allowed
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display import error_causes
from gateway.display.billing import method
from gateway.display.money import money
from gateway.display.network import terminate_cause, what_was_asked
from gateway.display.subscribers import hold_reason
from gateway.display.times import minute
from gateway.http.access import Permission

SHOWN = 60


@dataclass(frozen=True)
class Moment:
    """One line of a timeline. `rank` orders what happened in the same instant: cause before effect."""

    at: datetime
    rank: int
    icon: str
    tone: str
    text: str
    note: str = ""
    address: str = ""


@dataclass(frozen=True)
class Timeline:
    """Newest first, by day. `missing` names the services whose part is unavailable."""

    days: list[tuple[date, list[Moment]]]
    missing: list[str]


def of_subscriber(subscriber: SubscriberView) -> Timeline:
    """The timeline, with one call per service. Unavailable services are named in `missing`."""
    optional, ids = current().optional, [service.id for service in subscriber.services][:200]
    moments, missing = list(_holds(subscriber.services)), []
    if allowed(Permission.VIEW_BILLING):
        events = if_it_answers(lambda: optional.billing.list_account_events(subscriber.id, SHOWN))
        paid = if_it_answers(
            lambda: optional.payment.list_payments(PaymentQuery(subscriber_id=subscriber.id), SHOWN, None)
        )
        missing += ["Billing"] if events is None else []
        missing += ["The payment service"] if paid is None else []
        moments += [_account_moment(event) for event in events or []]
        moments += [moment for payment in (paid.items if paid else []) for moment in payment_moments(payment)]
    lines = if_it_answers(lambda: optional.radius.list_line_events(ids, SHOWN)) if ids else []
    missing += ["RADIUS"] if lines is None else []
    services = {service.id: service for service in subscriber.services}
    moments += [_line_moment(event, services) for event in lines or []]
    return Timeline(by_day(moments), missing)


def by_day(moments: Iterable[Moment], most: int = SHOWN) -> list[tuple[date, list[Moment]]]:
    newest = sorted(moments, key=lambda moment: (moment.at, moment.rank), reverse=True)[:most]
    zone = current().settings.time_zone
    return [
        (day, list(group)) for day, group in groupby(newest, key=lambda moment: local_date(moment.at, zone))
    ]


def payment_moments(payment: PaymentView, name: str = "") -> Iterator[Moment]:
    """A payment, and its reversal if there is one. With a name, for a page that shows all subscribers."""
    note = f"{name}, {method(payment.method)}" if name else method(payment.method)
    address = url_for("admin.payment", payment_id=payment.id)
    moved = payment.moved_from is not None
    yield Moment(
        payment.recorded_at,
        rank=0,
        icon="cash",
        tone="good",
        text=f"{'Payment moved here,' if moved else 'Paid'} {money(payment.amount)}",
        note=f"{note} {payment.reference}".strip(),
        address=address,
    )
    if payment.reversal is not None:
        what = "reversed" if payment.reversal.moved_to is None else "moved to another subscriber"
        by = f"by {payment.reversal.reversed_by}: {payment.reversal.reason}"
        yield Moment(
            payment.reversal.reversed_at,
            rank=0,
            icon="arrow-back-up",
            tone="warn",
            text=f"Payment of {money(payment.amount)} {what}",
            note=f"{name}, {by}" if name else by,
            address=address,
        )


def hold_moment(
    *,
    at: datetime,
    released: bool,
    what: str,
    note: str,
    address: str = "",
    until: datetime | None = None,
    suspended: bool = False,
) -> Moment:
    """A hold was placed or released; with `until`, an exemption from it began or ended.

    `suspended`: another hold still suspends the service.
    """
    icon, tone = ("player-play", "warn" if suspended else "good") if released else ("player-pause", "bad")
    if until is not None:
        verb = f"Restored until {minute(until)}" if released else "Suspended again"
    else:
        verb = "Hold released" if released else "Suspended"
    if released and suspended:
        what += ". Still suspended by another hold"
    return Moment(at, 3, icon, tone, f"{verb}: {what}", note, address)


def _holds(services: list[ServiceView]) -> Iterator[Moment]:
    several = len(services) > 1
    for service in services:
        for hold in service.holds:
            what = hold_reason(hold.reason) + (f", {service.pppoe_username}" if several else "")
            note = ", ".join(part for part in (f"by {hold.placed_by}", hold.note) if part)
            yield hold_moment(at=hold.placed_at, released=False, what=what, note=note)
            if hold.released_at is not None:
                by = f"by {hold.released_by}" if hold.released_by else ""
                others = was_suspended(service.holds, service.exemptions, hold.released_at)
                yield hold_moment(at=hold.released_at, released=True, what=what, note=by, suspended=others)
        yield from _exemptions(service, f", {service.pppoe_username}" if several else "")


def _exemptions(service: ServiceView, name: str) -> Iterator[Moment]:
    """Restores, and their ends that suspended the service again.

    Nothing is suspended by a payment, by another restore, or after the service was terminated.
    """
    begins = {one.starts_at for one in service.exemptions}
    for one in service.exemptions:
        what = hold_reason(min(COVERED[one.kind])) + name
        note = ", ".join(part for part in (f"by {one.author}", one.note) if part)
        others = was_suspended(service.holds, service.exemptions, one.starts_at)
        yield hold_moment(
            at=one.starts_at, released=True, what=what, note=note, until=one.until, suspended=others
        )
        if one.ended_at is None or one.ended_by == BILLING or one.ended_at in begins:
            continue
        if service.terminated_at is None or one.ended_at < service.terminated_at:
            by = f"by {one.ended_by}" if one.ended_by else "The restore ended"
            yield hold_moment(at=one.ended_at, released=False, what=what, note=by, until=one.until)


def _account_moment(event: AccountEvent) -> Moment:
    amount, number = money(event.amount), event.invoice_number
    rank, icon, tone, text = {
        AccountEventKind.INVOICE_ISSUED: (0, "file-invoice", "info", f"Invoice {number} issued, {amount}"),
        AccountEventKind.INVOICE_VOIDED: (1, "ban", "quiet", f"Invoice {number} voided"),
        AccountEventKind.PAYMENT_ALLOCATED: (1, "receipt", "good", f"{amount} applied to invoice {number}"),
        AccountEventKind.ALLOCATION_REVERSED: (1, "receipt", "warn", f"{amount} taken off invoice {number}"),
    }[event.kind]
    address = url_for("admin.invoice", invoice_id=event.invoice_id)
    return Moment(event.at, rank, icon, tone, text, address=address)


def _line_moment(event: LineEvent, services: dict[str, ServiceView]) -> Moment:
    service = services[event.service_id]
    name = service.pppoe_username if len(services) > 1 else ""
    if event.kind is LineEventKind.ONLINE:
        suspended = was_suspended(service.holds, service.exemptions, event.at)
        tone, text = ("warn", "Online, payment page only") if suspended else ("good", "Online")
        return Moment(event.at, 9, "wifi", tone, text, ", ".join(filter(None, (name, event.detail))))
    if event.kind is LineEventKind.OFFLINE:
        return Moment(
            event.at,
            8,
            "wifi-off",
            "quiet",
            "Offline",
            ", ".join(filter(None, (name, terminate_cause(event.detail)))),
        )
    return _request_moment(event, name)


def _request_moment(event: LineEvent, name: str) -> Moment:
    what = what_was_asked(event.request)
    tone, text, note = "bad", f"Router didn't respond to the {what}", event.detail
    if event.outcome is RequestOutcome.ACKED:
        tone, text = "good", f"Router acknowledged the {what}"
    elif event.outcome is RequestOutcome.NACKED:
        gone = event.error_cause == error_causes.SESSION_CONTEXT_NOT_FOUND
        tone, verb = ("quiet", "found no session for") if gone else ("warn", "refused")
        text, note = f"Router {verb} the {what}", error_causes.in_words(event.error_cause)
    return Moment(event.at, 5, "router", tone, text, ", ".join(filter(None, (name, note))))
