"""Search over everything: one group of results per service, any of which may be unavailable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.billing import InvoiceQuery
from contracts.payment import PaymentQuery
from contracts.radius import SessionQuery
from contracts.subscriber import SubscriberView
from contracts.subscriber_lists import SubscriberQuery
from flask import Response, url_for

from gateway.admin.lists import text_argument
from gateway.admin.pages import allowed, known_plans, known_routers, page, show
from gateway.admin.subscribers import page_of
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display.billing import invoice_status, method, payment_status
from gateway.display.money import money
from gateway.display.network import session_status
from gateway.display.subscribers import status_in_words
from gateway.http.access import Permission

SHOWN = 8


@dataclass(frozen=True)
class Hit:
    title: str
    note: str
    address: str
    badge: Any = None


@dataclass(frozen=True)
class Group:
    """What one service found. `hits` is None while it is unavailable; `all` is the whole list's address."""

    name: str
    hits: list[Hit] | None
    all: str = ""
    more: bool = field(default=False)


@page("/search", permission=Permission.VIEW_DASHBOARD)
def search() -> Response:
    text = text_argument("q").strip()
    groups = [find(text) for permission, find in FINDERS if allowed(permission)] if text else []
    found = any(group.hits for group in groups)
    return show("search.html", search_text=text, groups=groups, found=found)


def _subscribers(text: str) -> Group:
    query = SubscriberQuery(text=text)
    found = if_it_answers(lambda: current().optional.subscriber.list_subscribers(query, SHOWN, None))
    if found is None:
        return Group("Subscribers", None)
    hits = [
        Hit(
            one.full_name,
            _who(one),
            page_of(one.id),
            status_in_words(one).badge,
        )
        for one in found.items
    ]
    return Group("Subscribers", hits, url_for("admin.subscribers", query=text), found.next is not None)


def _who(subscriber: SubscriberView) -> str:
    """juan.delacruz, 0917 123 4567, account 10-0023-0"""
    usernames = [service.pppoe_username for service in subscriber.services]
    number = f"account {subscriber.account_number}" if subscriber.account_number else ""
    return ", ".join(filter(None, (*usernames, subscriber.phone or subscriber.email, number)))


def _invoices(text: str) -> Group:
    found = if_it_answers(
        lambda: current().optional.billing.list_invoices(InvoiceQuery(text=text), SHOWN, None)
    )
    if found is None:
        return Group("Invoices", None)
    hits = [
        Hit(
            one.number,
            f"{one.subscriber_name}, {money(one.total)}",
            url_for("admin.invoice", invoice_id=one.id),
            invoice_status(one),
        )
        for one in found.items
    ]
    return Group("Invoices", hits, url_for("admin.billing", q=text), found.next is not None)


def _payments(text: str) -> Group:
    found = if_it_answers(
        lambda: current().optional.payment.list_payments(PaymentQuery(text=text), SHOWN, None)
    )
    if found is None:
        return Group("Payments", None)
    hits = [
        Hit(
            f"{money(one.amount)} {one.reference}",
            f"{one.subscriber_name}, {method(one.method)}",
            url_for("admin.payment", payment_id=one.id),
            payment_status(one),
        )
        for one in found.items
    ]
    return Group("Payments", hits, url_for("admin.payments", q=text), found.next is not None)


def _sessions(text: str) -> Group:
    query = SessionQuery(text=text, open_only=True)
    found = if_it_answers(lambda: current().optional.radius.list_sessions(query, SHOWN, None))
    if found is None:
        return Group("Sessions", None)
    hits = [
        Hit(
            one.username,
            ", ".join(filter(None, (one.framed_ip_address, one.calling_station_id))),
            url_for("admin.service", service_id=one.service_id)
            if one.service_id
            else url_for("admin.sessions", q=one.username),
            session_status(one),
        )
        for one in found.items
    ]
    return Group("Sessions", hits, url_for("admin.sessions", q=text, show="all"), found.next is not None)


def _plans(text: str) -> Group:
    known = known_plans()
    hits = [Hit(one.name, money(one.price), url_for("admin.plans")) for one in _named(known, text)]
    return Group("Plans", None if known is None else hits[:SHOWN], url_for("admin.plans"))


def _routers(text: str) -> Group:
    known = known_routers()
    hits = [Hit(one.name, one.nas_address, url_for("admin.routers")) for one in _named(known, text)]
    return Group("Routers", None if known is None else hits[:SHOWN], url_for("admin.routers"))


def _named(known: list[Any] | None, text: str) -> list[Any]:
    return [one for one in known or [] if text.casefold() in one.name.casefold()]


FINDERS: tuple[tuple[Permission, Callable[[str], Group]], ...] = (
    (Permission.VIEW_SUBSCRIBERS, _subscribers),
    (Permission.VIEW_BILLING, _invoices),
    (Permission.VIEW_BILLING, _payments),
    (Permission.VIEW_SESSIONS, _sessions),
    (Permission.VIEW_PLANS, _plans),
    (Permission.VIEW_ROUTERS, _routers),
)
