"""Who may do what. Every view declares a permission; a view without one is closed to everyone."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from flask import Request, Response, current_app, g, redirect, request, session, url_for
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from gateway.clients.context import Gateway, current
from gateway.http import held_forms
from gateway.identity import api_tokens, login_sessions, logins
from gateway.identity.operators import Identity
from gateway.models import Role

View = TypeVar("View", bound=Callable)
SESSION_TOKEN = "login"  # noqa: S105 - the name of a field of the cookie
CODE_FIELD = "otp"


class Permission(StrEnum):
    """What a view needs.

    PUBLIC needs nothing. OWN_PASSWORD takes HTTP Basic instead of a token, and a code if the operator has a
    second factor: see `require_code`. Views with MANAGE_OPERATORS also check whom they change: see
    operators.MANAGES.
    """

    PUBLIC = "public"
    OWN_PASSWORD = "own_password"  # noqa: S105
    OWN_TOKENS = "own_tokens"
    OWN_ACCOUNT = "own_account"
    VIEW_DASHBOARD = "view_dashboard"
    VIEW_SUBSCRIBERS = "view_subscribers"
    EDIT_SUBSCRIBERS = "edit_subscribers"
    REVEAL_PASSWORDS = "reveal_passwords"
    VIEW_PLANS = "view_plans"
    EDIT_PLANS = "edit_plans"
    VIEW_ROUTERS = "view_routers"
    EDIT_ROUTERS = "edit_routers"
    VIEW_SESSIONS = "view_sessions"
    DISCONNECT = "disconnect"
    VIEW_BILLING = "view_billing"
    RUN_BILLING = "run_billing"
    RECORD_PAYMENTS = "record_payments"
    REVERSE_PAYMENTS = "reverse_payments"
    EDIT_SETTINGS = "edit_settings"
    MANAGE_OPERATORS = "manage_operators"
    VIEW_AUDIT_LOG = "view_audit_log"
    MOVE_CLOCK = "move_clock"


P = Permission
_EVERYBODY = frozenset(
    {
        P.OWN_PASSWORD,
        P.OWN_TOKENS,
        P.OWN_ACCOUNT,
        P.VIEW_DASHBOARD,
        P.VIEW_SUBSCRIBERS,
        P.VIEW_PLANS,
    }
)
RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.STAFF: _EVERYBODY
    | {
        P.EDIT_SUBSCRIBERS,
        P.REVEAL_PASSWORDS,
        P.VIEW_ROUTERS,
        P.VIEW_SESSIONS,
        P.VIEW_BILLING,
        P.RECORD_PAYMENTS,
    },
    Role.TECHNICIAN: _EVERYBODY | {P.VIEW_ROUTERS, P.EDIT_ROUTERS, P.VIEW_SESSIONS, P.DISCONNECT},
}


def needs(permission: Permission) -> Callable[[View], View]:
    """Decorator: declares what a view needs. `guard` enforces it before the view runs."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def permission_of(view: Callable) -> Permission | None:
    return getattr(view, "permission", None)


def may(identity: Identity, permission: Permission) -> bool:
    return permission in RIGHTS[identity.role]


def guard() -> Any:
    """Before each request: allow it and set `g.operator`, redirect to the login page, or refuse.

    Raises Unauthorized, Forbidden.
    """
    if request.endpoint is None:
        return None  # no such page: routing raises the error
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


def is_htmx() -> bool:
    """Whether htmx sent the request. It loads a part of a page, often without any action by the operator."""
    return "HX-Request" in request.headers


def _identify(gateway: Gateway, permission: Permission) -> Identity | None:
    if permission is Permission.OWN_PASSWORD:
        return _by_password(gateway)
    if is_api(request):
        return _by_token(gateway)
    token = session.get(SESSION_TOKEN)
    in_background = request.method == "GET" and is_htmx()
    return login_sessions.find(gateway, token, in_background=in_background) if token else None


def _by_password(gateway: Gateway) -> Identity:
    given = request.authorization
    if given is None or given.type != "basic" or not given.username:
        raise Unauthorized(
            "send your email address and password with HTTP Basic", www_authenticate=_challenge("basic")
        )
    try:
        return logins.check_first_step(gateway, given.username, given.password or "")
    except Unauthorized as error:
        raise Unauthorized(error.description, www_authenticate=_challenge("basic")) from None


def require_code() -> None:
    """Check the code of the second factor, for OWN_PASSWORD. Call it once the input is known to be valid.

    The code is part of the body because HTTP Basic has no place for it. Raises Unauthorized, TooManyRequests.
    """
    body = request.get_json(silent=True)
    code = body.get(CODE_FIELD) if isinstance(body, dict) else None
    try:
        logins.check_second_step(current(), g.operator, code if isinstance(code, str) else "")
    except Unauthorized as error:
        raise Unauthorized(error.description, www_authenticate=_challenge("basic")) from None


def _by_token(gateway: Gateway) -> Identity:
    """Only the token in the header counts, not a cookie: another site could make a browser send that."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Unauthorized(
            "send an API token in the header, as Authorization: Bearer <token>",
            www_authenticate=_challenge("bearer"),
        )
    identity = api_tokens.find(gateway, given.token)
    if identity is None:
        raise Unauthorized("the API token is invalid or was revoked", www_authenticate=_challenge("bearer"))
    return identity


def _challenge(scheme: str) -> WWWAuthenticate:
    return WWWAuthenticate(scheme, {"realm": "ISP-OS"})


def _to_login() -> Response | Any:
    address = url_for("admin.login", next=_back())
    if is_htmx():
        return Response(headers={"HX-Redirect": address})
    return redirect(address, 303)


def _back() -> str | None:
    """Where to go after the login. A form being sent is held; a part of a page leads to its page."""
    if request.method == "POST":
        return held_forms.keep_what_was_typed()
    if is_htmx():
        return held_forms.page_sent_from()
    return request.full_path.rstrip("?") if request.method == "GET" else None
