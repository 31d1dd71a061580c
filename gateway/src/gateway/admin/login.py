"""Log in, log out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, g, request, session, url_for
from werkzeug.exceptions import TooManyRequests, Unauthorized

from gateway import login_sessions
from gateway.access import SESSION_TOKEN, Permission
from gateway.admin.forms import Form
from gateway.admin.pages import action, done, form_page, show
from gateway.context import current
from gateway.operators import Identity, any_exists, authenticate


@form_page("/login", permission=Permission.PUBLIC)
def login() -> Response:
    form = Form()
    if request.method == "GET":
        return show("login.html", form=form, fresh=not any_exists(current()))
    email, password = form.text("email", required=True), form.text("password", required=True)
    if not form.ok:
        return show("login.html", 422, form=form)
    try:
        operator = authenticate(current(), email, password, request.remote_addr or "")
    except (Unauthorized, TooManyRequests) as error:
        form.problem = str(error.description)
        return show("login.html", error.code or 401, form=form)
    log_in(operator)
    return done(_safe(request.args.get("next")))


@action("/logout", permission=Permission.VIEW_DASHBOARD)
def logout() -> Response:
    token = session.get(SESSION_TOKEN)
    if token:
        login_sessions.end(current(), token)
    session.clear()
    return done(url_for("admin.login"))


def log_in(operator: Identity) -> None:
    """A new session, with nothing of the old one in it: a planted cookie is worth nothing."""
    session.clear()
    session[SESSION_TOKEN] = login_sessions.begin(current(), operator)
    g.operator = operator


def _safe(target: str | None) -> str:
    """Only a page of our own: `next` comes from the address line."""
    parts = urlsplit(target or "")
    ours = target and target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if ours and not parts.netloc and target else url_for("admin.dashboard")
