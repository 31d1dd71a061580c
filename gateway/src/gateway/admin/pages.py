"""What all admin pages share: the blueprint, the sidebar, the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from contracts.common import CommandWarning, Page
from contracts.router import RouterView
from contracts.subscriber import PlanView
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from servicekit.ids import new_id
from werkzeug.exceptions import NotFound

from gateway.audit import trail
from gateway.audit.events import Event, causes
from gateway.clients.answers import if_it_answers
from gateway.clients.context import current
from gateway.display.typed import is_id
from gateway.display.version import product_version
from gateway.display.words import template_filter
from gateway.http import idempotency
from gateway.http.access import Permission, is_htmx, may, needs
from gateway.identity.operators import Identity

Item = TypeVar("Item")

PAGE_SIZE = 25
# The most that one call returns. Lists are read in steps of this size.
STEP = 200
# Pick lists have all plans and routers. An ISP with more of them than this needs a search field.
MAX_CHOICES = 1_000

blueprint = Blueprint("admin", __name__)


@dataclass(frozen=True)
class Entry:
    """An entry of the sidebar, or a tab of the settings (without an icon). Entries are sorted by position."""

    position: int
    title: str
    icon: str = ""


# By the endpoint of the page that declares the entry.
SIDEBAR: dict[str, tuple[Entry, Permission]] = {}
TABS: dict[str, tuple[Entry, Permission]] = {}
# Kind of record -> the endpoint of its page, and the argument for the id.
RECORD_PAGES: dict[str, tuple[str, str]] = {}


def page(
    path: str,
    *,
    permission: Permission,
    methods: tuple[str, ...] = ("GET",),
    event: Event | None = None,
    sidebar: Entry | None = None,
    tab: Entry | None = None,
    shows: str = "",
) -> Callable:
    """Decorator: declares an admin page and the permission it needs. Its endpoint is the function's name.

    `sidebar` and `tab` add it to the sidebar or to the tabs of the settings. `shows` is the kind of record
    (see audit.events) that the page shows; its path then ends with the id. Raises TypeError if a page that
    takes POST declares no `event`.
    """
    if "POST" in methods and event is None:
        raise TypeError(f"{path} takes POST and declares no event for the audit log")

    def declare(view: Callable) -> Callable:
        endpoint = f"{blueprint.name}.{view.__name__}"
        if event is not None:
            causes(event)(view)
        if sidebar is not None:
            SIDEBAR[endpoint] = (sidebar, permission)
        if tab is not None:
            TABS[endpoint] = (tab, permission)
        if shows:
            RECORD_PAGES[shows] = (endpoint, path.rpartition("<")[2].rstrip(">"))
        blueprint.add_url_rule(path, view.__name__, needs(permission)(view), methods=list(methods))
        return view

    return declare


def form_page(path: str, *, permission: Permission, event: Event, tab: Entry | None = None) -> Callable:
    return page(path, permission=permission, methods=("GET", "POST"), event=event, tab=tab)


def action(path: str, *, permission: Permission, event: Event) -> Callable:
    return page(path, permission=permission, methods=("POST",), event=event)


def show(template: str, http_status: int = 200, **values: Any) -> Response:
    return make_response(render_template(f"admin/{template}", **values), http_status)


def question(template: str, http_status: int = 200, *, back: str, **values: Any) -> Response:
    """Ask for confirmation: in a dialog if htmx sent the request, otherwise on a separate page.

    `template` extends `frame`; `back` is where Cancel leads to.
    """
    frame = "admin/dialog.html" if is_htmx() else "admin/dialog_page.html"
    return show(template, http_status, frame=frame, back=back, **values)


def done(address: str, message: str = "") -> Response:
    """Finish a change: redirect to `address`, so that a reload does not repeat it, and show `message`."""
    if message:
        flash(message)
    g.acted = True
    if is_htmx():
        return Response(headers={"HX-Redirect": address})
    return redirect(address, 303)  # type: ignore[return-value]  # werkzeug's Response, which Flask's is


def by_operator() -> dict[str, Any]:
    """The fields of a command: its operator, and the form's key, by which services detect a double click."""
    key = idempotency.checked_key(request.form.get("idempotency_key") or None, "idempotency_key")
    return idempotency.by_operator(key)


def record_address(kind: str, record_id: str) -> str:
    """The page of a record, by its kind (see audit.events); empty if it has none."""
    shown_by = RECORD_PAGES.get(kind)
    if shown_by is None or not record_id:
        return ""
    view, argument = shown_by
    return url_for(view, **{argument: record_id})  # type: ignore[arg-type]  # none is named like an option of it


@template_filter
def record_links(warning: CommandWarning) -> list[tuple[str, str]]:
    """Links to the records that a warning is about, each as words and address: "View payment"."""
    kinds = [
        (name.removesuffix("_id"), value) for name, value in warning.data.items() if name.endswith("_id")
    ]
    found = [(f"View {kind}", record_address(kind, record_id)) for kind, record_id in kinds]
    return [(words, address) for words, address in found if address]


def allowed(permission: Permission) -> bool:
    return may(g.operator, permission)


def all_items(list_page: Callable[[int, str | None], Page[Item]]) -> list[Item]:
    """The items of a short list; at most MAX_CHOICES."""
    return list(islice(every_item(list_page), MAX_CHOICES))


def known_plans() -> list[PlanView] | None:
    """For names and pick lists; None while the service is unavailable. Can be a few seconds old."""
    list_plans = current().optional.subscriber.list_plans
    return if_it_answers(lambda: current().kept.get("plans", lambda: all_items(list_plans)))


def known_areas() -> list[str]:
    """For pick lists; none while the service is unavailable. Can be a few seconds old."""
    list_areas = current().optional.subscriber.list_areas
    return if_it_answers(lambda: current().kept.get("areas", list_areas)) or []


def known_routers() -> list[RouterView] | None:
    """For names; None while the service is unavailable. Can be a few seconds old."""
    list_routers = current().optional.router.list_routers
    return if_it_answers(lambda: current().kept.get("routers", lambda: all_items(list_routers)))


def every_item(list_page: Callable[[int, str | None], Page[Item]]) -> Iterator[Item]:
    """All items of a list, read in steps."""
    found = list_page(STEP, None)
    yield from found.items
    while found.next is not None:
        found = list_page(STEP, found.next)
        yield from found.items


@blueprint.before_request
def check_ids() -> None:
    """Raises NotFound for text that cannot be an id: some databases raise an error if asked for it.

    A token is not checked: it is looked up by its digest, and its page has a better message.
    """
    for name, value in (request.view_args or {}).items():
        if name != "token" and isinstance(value, str) and not is_id(value):
            raise NotFound("there is no page at this address")


@blueprint.app_context_processor
def for_every_template() -> dict[str, Any]:
    operator = g.get("operator")
    return {
        "zone": str(current().settings.time_zone),
        "sidebar": _allowed_entries(SIDEBAR, operator),
        "is_part": is_htmx(),
        "settings_tabs": _allowed_entries(TABS, operator),
        "operator": operator,
        "allowed": lambda name: operator is not None and may(operator, Permission(name)),
        "new_key": new_id,
        "version": product_version(),
    }


def _allowed_entries(
    declared: dict[str, tuple[Entry, Permission]], operator: Identity | None
) -> list[tuple[Entry, str]]:
    """The entries of pages that the operator may open, sorted, each with its endpoint."""
    if operator is None:
        return []
    allowed = [(entry, view) for view, (entry, permission) in declared.items() if may(operator, permission)]
    return sorted(allowed, key=lambda one: one[0].position)


# Records in the audit log what a page did (see `done`).
blueprint.after_request(trail.write_down)
