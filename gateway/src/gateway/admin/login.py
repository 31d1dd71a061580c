"""Logging in, in two steps with a second factor, and logging out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, g, request, session, url_for
from werkzeug.exceptions import TooManyRequests, Unauthorized

from gateway.admin.forms import Form
from gateway.admin.pages import action, done, form_page, show
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http import held_forms
from gateway.http.access import SESSION_TOKEN, Permission
from gateway.identity import login_sessions, logins, second_factor
from gateway.identity.operators import Identity, any_exists, find_active

CSRF_TOKEN = "csrf_token"  # noqa: S105 - the name of a field of the cookie
PENDING = "pending_login"
PENDING_LASTS = timedelta(minutes=5)
TOO_LATE = "Your login timed out after 5 minutes. Log in again."


@form_page("/login", permission=Permission.PUBLIC, event=Event("admin.login", "Logged in", "operator"))
def login() -> Response:
    form = Form()
    if request.method == "GET":
        return show("login.html", form=form, fresh=not any_exists(current()))
    email, password = form.text("email", required=True), form.text("password", required=True)
    if not form.ok:
        return show("login.html", 422, form=form)
    try:
        operator = logins.check_password(current(), email, password)
    except (Unauthorized, TooManyRequests) as error:
        form.problem = str(error.description)
        return show("login.html", error.code or 401, form=form)
    target = safe_target(request.args.get("next"))
    if second_factor.is_on(current(), operator.id):
        _await_code(operator, target)
        return done(url_for("admin.login_code"))
    return _let_in(operator, target)


@form_page(
    "/login/code",
    permission=Permission.PUBLIC,
    event=Event("admin.login_code", "Logged in with two-factor authentication", "operator"),
)
def login_code() -> Response:
    pending = _pending()
    if pending is None:
        return done(url_for("admin.login"), TOO_LATE)
    operator, target = pending
    form = Form()
    if request.method == "GET":
        return show("login_code.html", form=form)
    code = form.text("code", required=True, longest=100)
    if not form.ok:
        return show("login_code.html", 422, form=form)
    try:
        logins.check_code(current(), operator, code)
    except (Unauthorized, TooManyRequests) as error:
        form.wrong("code", str(error.description).capitalize())
        return show("login_code.html", error.code or 401, form=form)
    return _let_in(operator, target)


@action("/logout", permission=Permission.VIEW_DASHBOARD, event=Event("admin.logout", "Logged out"))
def logout() -> Response:
    token = session.get(SESSION_TOKEN)
    if token:
        login_sessions.end(current(), token)
    session.clear()
    return done(url_for("admin.login"))


def log_in(operator: Identity) -> None:
    """Start a new session that keeps nothing of the old one, so that a planted cookie is useless.

    Only the CSRF token stays, if the same operator logs in, so that forms open in other tabs still work.
    """
    before = session.get(SESSION_TOKEN)
    if before:
        login_sessions.end(current(), before)
    forms_stay = session.get(held_forms.OPERATOR_ID) == operator.id
    csrf_token = session.get(CSRF_TOKEN) if forms_stay else None
    session.clear()
    if csrf_token:
        session[CSRF_TOKEN] = csrf_token
    agent = request.headers.get("User-Agent", "")
    session[SESSION_TOKEN] = login_sessions.begin(current(), operator.id, request.remote_addr or "", agent)
    held_forms.remember(operator.id)
    g.operator = operator


def safe_target(target: str | None) -> str:
    """The target if it is a page of ours, otherwise the dashboard: `next` comes from the URL."""
    if target is None or not target.startswith("/") or target.startswith("//"):
        return url_for("admin.dashboard")
    # Browsers treat a backslash as a slash and ignore tabs; a header cannot contain a line feed.
    return target if target.isprintable() and "\\" not in target else url_for("admin.dashboard")


def _let_in(operator: Identity, target: str) -> Response:
    logins.succeeded(current(), operator)
    log_in(operator)
    g.record_id = operator.id
    return done(target)


def _await_code(operator: Identity, target: str) -> None:
    """Remember in the signed cookie that the password was right. It only gives access to the code page."""
    session[PENDING] = {
        "operator": operator.id,
        "since": int(current().wall_now().timestamp()),
        "next": target,
    }


def _pending() -> tuple[Identity, str] | None:
    """The operator who has yet to enter a code, and where they go next. None if there is none or too late."""
    kept: Any = session.get(PENDING)
    if not isinstance(kept, dict):
        return None
    since = datetime.fromtimestamp(kept["since"], UTC)
    operator = find_active(current(), kept["operator"])
    if operator is None or current().wall_now() - since > PENDING_LASTS:
        session.pop(PENDING)
        return None
    return operator, safe_target(kept["next"])
