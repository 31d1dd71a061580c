"""The dashboard: a few figures, each a link to its list. A figure whose service is away is left blank."""

from __future__ import annotations

from flask import Response

from gateway.access import Permission
from gateway.admin.pages import allowed, if_it_answers, page, show
from gateway.context import current


@page("/", permission=Permission.VIEW_DASHBOARD)
def dashboard() -> Response:
    services = current().optional
    online = if_it_answers(services.radius.count_open_sessions)
    sees_money = allowed(Permission.VIEW_BILLING)
    figures = if_it_answers(services.billing.get_receivables) if sees_money else None
    return show("dashboard.html", online=online, sees_money=sees_money, figures=figures)
