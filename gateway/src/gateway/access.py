"""Who may do what: every view declares a permission, and a view without one is closed to everybody."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from flask import Request, Response, current_app, g, redirect, request, session, url_for
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from gateway import api_tokens, login_sessions
from gateway.context import Gateway, current
from gateway.models import Role
from gateway.operators import Identity, authenticate

View = TypeVar("View", bound=Callable)
SESSION_TOKEN = "login"  # noqa: S105 - the name of a field of the cookie


class Permission(StrEnum):
    """What a view needs. PUBLIC needs nothing; OWN_PASSWORD takes HTTP Basic instead of a token."""

    PUBLIC = "public"
    OWN_PASSWORD = "own_password"  # noqa: S105
    OWN_TOKENS = "own_tokens"
    VIEW_DASHBOARD = "view_dashboard"
    VIEW_SUBSCRIBERS = "view_subscribers"
    EDIT_SUBSCRIBERS = "edit_subscribers"
    VIEW_PLANS = "view_plans"
    EDIT_PLANS = "edit_plans"
    VIEW_ROUTERS = "view_routers"
    EDIT_ROUTERS = "edit_routers"
    VIEW_SESSIONS = "view_sessions"
    DISCONNECT = "disconnect"
    VIEW_BILLING = "view_billing"
    RUN_BILLING = "run_billing"
    RECORD_PAYMENTS = "record_payments"
    EDIT_SETTINGS = "edit_settings"
    MOVE_CLOCK = "move_clock"


P = Permission
_EVERYBODY = frozenset({P.OWN_PASSWORD, P.OWN_TOKENS, P.VIEW_DASHBOARD, P.VIEW_SUBSCRIBERS, P.VIEW_PLANS})
RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.STAFF: _EVERYBODY
    | {P.EDIT_SUBSCRIBERS, P.VIEW_ROUTERS, P.VIEW_SESSIONS, P.VIEW_BILLING, P.RECORD_PAYMENTS},
    Role.TECHNICIAN: _EVERYBODY | {P.VIEW_ROUTERS, P.EDIT_ROUTERS, P.VIEW_SESSIONS, P.DISCONNECT},
}


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare what a view needs; `guard` enforces it before the view runs."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def permission_of(view: Callable) -> Permission | None:
    return getattr(view, "permission", None)


def may(identity: Identity, permission: Permission) -> bool:
    return permission in RIGHTS[identity.role]


def guard() -> Any:
    """Before each request: let it through with `g.operator` set, send it to the login page, or refuse.

    Raises Unauthorized, Forbidden.
    """
    if request.endpoint is None:
        return None  # no such page: routing says so
    permission = permission_of(current_app.view_functions[request.endpoint])
    if permission is Permission.PUBLIC:
        return None
    if permission is None:
        raise Forbidden(f"{request.endpoint} declares no permission")
    identity = _identify(current(), permission)
    if identity is None:
        return _to_login()
    if not may(identity, permission):
        raise Forbidden(f"your role ({identity.role}) does not allow this")
    g.operator = identity
    return None


def is_api(incoming: Request) -> bool:
    return incoming.path.startswith("/api/v1/")


def _identify(gateway: Gateway, permission: Permission) -> Identity | None:
    if permission is Permission.OWN_PASSWORD:
        return _by_password(gateway)
    if is_api(request):
        return _by_token(gateway)
    token = session.get(SESSION_TOKEN)
    return login_sessions.find(gateway, token) if token else None


def _by_password(gateway: Gateway) -> Identity:
    given = request.authorization
    if given is None or given.type != "basic" or not given.username:
        raise Unauthorized(
            "give your e-mail address and password by HTTP Basic", www_authenticate=_challenge("basic")
        )
    try:
        return authenticate(gateway, given.username, given.password or "", request.remote_addr or "")
    except Unauthorized as error:
        raise Unauthorized(error.description, www_authenticate=_challenge("basic")) from None


def _by_token(gateway: Gateway) -> Identity:
    """Only the header counts here. Cookies do not, so that no other site can make a browser call the API."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Unauthorized(
            "give an API token: Authorization: Bearer <token>", www_authenticate=_challenge("bearer")
        )
    identity = api_tokens.find(gateway, given.token)
    if identity is None:
        raise Unauthorized("the API token is unknown or was revoked", www_authenticate=_challenge("bearer"))
    return identity


def _challenge(scheme: str) -> WWWAuthenticate:
    return WWWAuthenticate(scheme, {"realm": "ISP-OS"})


def _to_login() -> Response | Any:
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("admin.login", next=back), 303)
