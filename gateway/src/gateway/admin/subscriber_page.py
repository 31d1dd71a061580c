"""One subscriber's page. Each part loads separately with one call, so only that part can fail."""

from __future__ import annotations

from typing import Any

from contracts.billing import InvoiceQuery
from contracts.payment import PaymentQuery
from contracts.subscriber import ServiceStatus, ServiceView
from flask import Response, request

from gateway.admin import timeline
from gateway.admin.lists import Listing
from gateway.admin.pages import PAGE_SIZE, allowed, page, show
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current, services
from gateway.display.network import session_limit
from gateway.display.subscribers import exemption_of, provisioned_in_words, status_in_words
from gateway.display.times import start_of
from gateway.http.access import Permission
from gateway.resources.accounts import payment_page, sees_money

RECENT = 6
USAGE_DAYS = 30


@page("/subscribers/<subscriber_id>", permission=Permission.VIEW_SUBSCRIBERS, shows="subscriber")
def subscriber(subscriber_id: str) -> Response:
    found = services().subscriber.get_subscriber(subscriber_id)
    return show(
        "subscriber.html",
        subscriber=found,
        words=status_in_words(found),
        cards=[_card(service) for service in found.services],
        sees_money=sees_money(),
        sees_sessions=allowed(Permission.VIEW_SESSIONS),
        payment_url=payment_page(found),
    )


@page("/subscribers/<subscriber_id>/account", permission=Permission.VIEW_BILLING)
def subscriber_account(subscriber_id: str) -> Response:
    account = if_it_answers(lambda: current().optional.billing.get_account(subscriber_id))
    return show("panels/account.html", account=account, subscriber_id=subscriber_id)


@page("/subscribers/<subscriber_id>/invoices", permission=Permission.VIEW_BILLING)
def subscriber_invoices(subscriber_id: str) -> Response:
    query = InvoiceQuery(subscriber_id=subscriber_id)
    found = if_it_answers(lambda: current().optional.billing.list_invoices(query, RECENT, None))
    return show("panels/invoices.html", found=found, subscriber_id=subscriber_id)


@page("/subscribers/<subscriber_id>/payments", permission=Permission.VIEW_BILLING)
def subscriber_payments(subscriber_id: str) -> Response:
    query = PaymentQuery(subscriber_id=subscriber_id)
    found = if_it_answers(lambda: current().optional.payment.list_payments(query, RECENT, None))
    return show("panels/payments.html", found=found)


@page("/subscribers/<subscriber_id>/timeline", permission=Permission.VIEW_SUBSCRIBERS)
def subscriber_timeline(subscriber_id: str) -> Response:
    found = services().subscriber.get_subscriber(subscriber_id)
    return show("panels/timeline.html", timeline=timeline.of_subscriber(found))


@page("/subscribers/<subscriber_id>/ledger", permission=Permission.VIEW_BILLING)
def subscriber_ledger(subscriber_id: str) -> Response:
    """Every movement of the account, which explains the balance."""
    owner = services().subscriber.get_subscriber(subscriber_id)
    entries = services().billing.list_ledger_entries(subscriber_id, PAGE_SIZE, request.args.get("after"))
    account = services().billing.get_account(subscriber_id)
    return show("ledger.html", list=Listing(entries), subscriber=owner, account=account)


@page("/services/<service_id>/live", permission=Permission.VIEW_SESSIONS)
def service_live(service_id: str) -> Response:
    found = services().subscriber.get_service(service_id)
    states = if_it_answers(lambda: current().optional.radius.list_service_states([service_id]))
    state = states[0] if states else None
    return show(
        "panels/live.html",
        answered=states is not None,
        provisioned=provisioned_in_words(found, state),
        session=state.session if state else None,
        service_id=service_id,
    )


@page("/services/<service_id>/usage", permission=Permission.VIEW_SESSIONS)
def service_usage(service_id: str) -> Response:
    days = if_it_answers(lambda: current().optional.radius.list_usage(service_id, USAGE_DAYS))
    downloaded = sum(day.download_octets for day in days or [])
    uploaded = sum(day.upload_octets for day in days or [])
    chart: dict[str, Any] = {
        "unit": "octets",
        "x": [start_of(day.date) for day in days or []],
        "series": [
            {"label": "Down", "values": [day.download_octets for day in days or []]},
            {"label": "Up", "values": [day.upload_octets for day in days or []]},
        ],
    }
    return show("panels/usage.html", days=days, chart=chart, downloaded=downloaded, uploaded=uploaded)


def _card(found: ServiceView) -> dict[str, Any]:
    """What the page shows for one service."""
    return {
        "service": found,
        "session_limit": session_limit(found.session_limit),
        "holds": [(hold, exemption_of(found, hold)) for hold in found.standing_holds],
        "past_holds": [hold for hold in found.holds if not hold.is_standing],
        "past_exemptions": [one for one in found.exemptions if one.ended_at is not None],
        "ended": found.status is ServiceStatus.TERMINATED,
    }
