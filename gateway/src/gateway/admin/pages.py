"""What all admin pages share: the blueprint, the sidebar, the audit of what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from contracts.common import Page
from contracts.router import RouterView
from contracts.subscriber import PlanView
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request
from servicekit.ids import new_id
from werkzeug.exceptions import NotFound

from gateway.audit import trail
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display.typed import is_id
from gateway.display.version import product_version
from gateway.http import idempotency
from gateway.http.access import Permission, is_htmx, may, needs

Item = TypeVar("Item")

PAGE_SIZE = 25
# A list is exported in steps of what one call may give.
EXPORT_STEP = 200
# Pick lists hold all plans and routers; an ISP with more of them than this needs a search field.
MOST_CHOICES = 1_000

blueprint = Blueprint("admin", __name__)

SIDEBAR = (
    ("Dashboard", "admin.dashboard", "layout-dashboard", Permission.VIEW_DASHBOARD),
    ("Routers", "admin.routers", "router", Permission.VIEW_ROUTERS),
    ("Plans", "admin.plans", "stack-2", Permission.VIEW_PLANS),
    ("Subscribers", "admin.subscribers", "users", Permission.VIEW_SUBSCRIBERS),
    ("Billing", "admin.billing", "file-invoice", Permission.VIEW_BILLING),
    ("Payments", "admin.payments", "cash", Permission.VIEW_BILLING),
    ("Sessions", "admin.sessions", "activity", Permission.VIEW_SESSIONS),
    ("Settings", "admin.settings", "settings", Permission.EDIT_SETTINGS),
)

SETTINGS_TABS = (
    ("General", "admin.general_settings", Permission.EDIT_SETTINGS),
    ("Billing", "admin.billing_settings", Permission.EDIT_SETTINGS),
    ("Operators", "admin.operators", Permission.MANAGE_OPERATORS),
    ("Audit log", "admin.audit_log", Permission.VIEW_AUDIT_LOG),
)


def page(path: str, *, permission: Permission, methods: tuple[str, ...] = ("GET",)) -> Callable:
    """Declare a view of the admin pages and what it needs; its endpoint is its function's name."""

    def declare(view: Callable) -> Callable:
        blueprint.add_url_rule(path, view.__name__, needs(permission)(view), methods=list(methods))
        return view

    return declare


def form_page(path: str, *, permission: Permission) -> Callable:
    return page(path, permission=permission, methods=("GET", "POST"))


def action(path: str, *, permission: Permission) -> Callable:
    return page(path, permission=permission, methods=("POST",))


def show(template: str, http_status: int = 200, **values: Any) -> Response:
    return make_response(render_template(f"admin/{template}", **values), http_status)


def question(template: str, http_status: int = 200, *, back: str, **values: Any) -> Response:
    """Ask before something is done: over the page when htmx asks for it, else on a page of its own.

    `template` extends `frame`; `back` is where Cancel leads to.
    """
    frame = "admin/dialog.html" if is_htmx() else "admin/dialog_page.html"
    return show(template, http_status, frame=frame, back=back, **values)


def done(address: str, message: str = "") -> Response:
    """What was asked for is done: go to `address`, so that a reload repeats nothing."""
    if message:
        flash(message)
    g.acted = True
    if is_htmx():
        return Response(headers={"HX-Redirect": address})
    return redirect(address, 303)  # type: ignore[return-value]  # werkzeug's Response, which Flask's is


def by_operator() -> dict[str, Any]:
    """The fields of a command: its operator, and the form's key, by which a service knows a double click."""
    key = idempotency.checked_key(request.form.get("idempotency_key") or None, "idempotency_key")
    return idempotency.by_operator(key)


def allowed(permission: Permission) -> bool:
    return may(g.operator, permission)


def all_items(list_page: Callable[[int, str | None], Page[Item]]) -> list[Item]:
    """The items of a list that is short by nature."""
    items: list[Item] = []
    after = None
    while len(items) < MOST_CHOICES:
        found = list_page(200, after)
        items += found.items
        after = found.next
        if after is None:
            break
    return items


def known_plans() -> list[PlanView] | None:
    """For names and pick lists; None while nobody says. May be some seconds old."""
    list_plans = current().optional.subscriber.list_plans
    return if_it_answers(lambda: current().kept.get("plans", lambda: all_items(list_plans)))


def known_routers() -> list[RouterView] | None:
    """For names; None while nobody says. May be some seconds old."""
    list_routers = current().optional.router.list_routers
    return if_it_answers(lambda: current().kept.get("routers", lambda: all_items(list_routers)))


def every_item(list_page: Callable[[int, str | None], Page[Item]]) -> Iterator[Item]:
    """The items of a list, one call per step, for an export."""
    found = list_page(EXPORT_STEP, None)
    yield from found.items
    while found.next is not None:
        found = list_page(EXPORT_STEP, found.next)
        yield from found.items


@blueprint.before_request
def check_ids() -> None:
    """Raises NotFound: what cannot be an id cannot be asked for in every database either.

    A token is no id: it is looked for by its digest, and its page says more than that there is none.
    """
    for name, value in (request.view_args or {}).items():
        if name != "token" and isinstance(value, str) and not is_id(value):
            raise NotFound("this address names nothing")


@blueprint.app_context_processor
def for_every_template() -> dict[str, Any]:
    operator = g.get("operator")
    entries = [entry[:3] for entry in SIDEBAR if operator and may(operator, entry[3])]
    return {
        "zone": str(current().settings.time_zone),
        "sidebar": entries,
        "is_part": is_htmx(),
        "settings_tabs": SETTINGS_TABS,
        "operator": operator,
        "allowed": lambda name: operator is not None and may(operator, Permission(name)),
        "new_key": new_id,
        "version": product_version(),
    }


# What a page did (see `done`) goes into the audit log.
blueprint.after_request(trail.write_down)
