"""What subscribers owe, for operators who may see money. Pages and the API share this check."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.billing import AccountView
from contracts.subscriber import SubscriberView
from flask import g, url_for

from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.http.access import Permission, may


def sees_money() -> bool:
    return may(g.operator, Permission.VIEW_BILLING)


def accounts_of(subscribers: Sequence[SubscriberView]) -> dict[str, AccountView]:
    """By subscriber id. Empty for operators who may not see money, and while billing is unavailable."""
    if not subscribers or not sees_money():
        return {}
    billing, ids = current().optional.billing, [found.id for found in subscribers]
    accounts = if_it_answers(lambda: billing.list_accounts(ids)) or []
    return {account.subscriber_id: account for account in accounts}


def payment_page(subscriber: SubscriberView) -> str | None:
    """The address of the subscriber's own page. None if the operator may not see what they owe."""
    return payment_page_of(subscriber.short_id) if sees_money() else None


def payment_page_of(short_id: str) -> str:
    return current().settings.public_url + url_for("portal.page", short_id=short_id)
