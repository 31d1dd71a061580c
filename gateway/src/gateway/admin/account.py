"""The operator's own account: password, second factor, where they are logged in."""

from __future__ import annotations

import json

import segno
from flask import Response, flash, g, redirect, request, session, url_for
from markupsafe import Markup
from werkzeug.exceptions import TooManyRequests, Unauthorized

from gateway.admin.forms import Form
from gateway.admin.login import log_in
from gateway.admin.pages import action, done, form_page, page, show
from gateway.admin.password_fields import new_password
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import SESSION_TOKEN, Permission
from gateway.identity import login_sessions, logins, operator_changes, second_factor, shown_once
from gateway.identity.browsers import browser_words
from gateway.models import Role

RECOVERY_CODES = "recovery codes"
ADVISED = (Role.OWNER, Role.ADMIN)
WRONG_PASSWORD = "Incorrect password"  # noqa: S105


@page("/account", permission=Permission.OWN_ACCOUNT)
def account() -> Response:
    me = operator_changes.get_operator(current(), g.operator.id)
    sessions = login_sessions.list_of(current(), me.id, session.get(SESSION_TOKEN, ""))
    return show(
        "account.html",
        me=me,
        advised=me.role in ADVISED and not me.second_factor,
        codes_left=second_factor.recovery_codes_left(current(), me.id),
        sessions=[(one, browser_words(one.user_agent)) for one in sessions],
    )


@form_page(
    "/account/password",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.change_own_password", "Changed their own password"),
)
def change_own_password() -> Response:
    form = Form()
    if request.method == "POST":
        present, password = form.text("present_password", required=True), new_password(form)
        if form.ok and _is_own_password(form, present):
            operator_changes.change_password(current(), g.operator, password)
            logins.own_checks_succeeded(current(), g.operator)
            log_in(g.operator)
            return done(
                url_for("admin.account"), "Your password was changed. You were logged out everywhere else."
            )
    return show("account_password.html", form.status, form=form)


@form_page(
    "/account/second-factor/start",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.start_second_factor", "Started setting up two-factor authentication"),
)
def start_second_factor() -> Response:
    form = Form()
    if request.method == "POST":
        present = form.text("present_password", required=True)
        if form.ok and _is_own_password(form, present):
            form.attempt(lambda: second_factor.start(current(), g.operator))
            if form.ok:
                logins.own_checks_succeeded(current(), g.operator)
                return done(url_for("admin.confirm_second_factor"))
    return show("second_factor_start.html", form.status, form=form)


@form_page(
    "/account/second-factor",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.confirm_second_factor", "Turned on two-factor authentication"),
)
def confirm_second_factor() -> Response:
    form, secret = Form(), second_factor.started_secret(current(), g.operator)
    if secret is None:
        return _begin_again("Start setting up two-factor authentication here.")
    if request.method == "POST":
        code = form.text("code", required=True, longest=20)
        codes = form.attempt(lambda: second_factor.confirm(current(), g.operator, code)) if form.ok else None
        if codes is not None:
            return _show_codes_next(codes)
    return show("second_factor.html", form.status, form=form, secret=_grouped(secret), qr=_qr(secret))


@page("/account/recovery-codes", permission=Permission.OWN_ACCOUNT)
def recovery_codes() -> Response:
    """Show the new codes, only once."""
    kept = shown_once.take(RECOVERY_CODES)
    if kept is None:
        return _begin_again("These recovery codes were already shown. You can generate new ones.")
    return show("recovery_codes.html", codes=json.loads(kept))


@form_page(
    "/account/recovery-codes/new",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.new_recovery_codes", "Created new recovery codes"),
)
def new_recovery_codes() -> Response:
    form = Form()
    if request.method == "POST":
        present = form.text("present_password", required=True)
        if form.ok and _is_own_password(form, present):
            codes = form.attempt(lambda: second_factor.make_recovery_codes(current(), g.operator.id))
            if codes is not None:
                logins.own_checks_succeeded(current(), g.operator)
                return _show_codes_next(codes)
    return show("recovery_codes_new.html", form.status, form=form)


@form_page(
    "/account/second-factor/off",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.switch_second_factor_off", "Turned off two-factor authentication"),
)
def switch_second_factor_off() -> Response:
    form = Form()
    if request.method == "POST":
        present = form.text("present_password", required=True)
        code = form.text("code", required=True, longest=100)
        if form.ok and _is_own_password(form, present) and _is_own_code(form, code):
            operator_changes.switch_own_second_factor_off(current(), g.operator)
            logins.own_checks_succeeded(current(), g.operator)
            return done(url_for("admin.account"), "Two-factor authentication is off.")
    return show("second_factor_off.html", form.status, form=form)


@action(
    "/account/sessions/<session_id>/end",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.end_session", "Signed out one of their sessions"),
)
def end_session(session_id: str) -> Response:
    login_sessions.end_one(current(), g.operator.id, session_id)
    return done(url_for("admin.account"), "The session was ended.")


@action(
    "/account/sessions/end-others",
    permission=Permission.OWN_ACCOUNT,
    event=Event("admin.end_other_sessions", "Signed out all their other sessions"),
)
def end_other_sessions() -> Response:
    login_sessions.end_others(current(), g.operator.id, session.get(SESSION_TOKEN, ""))
    return done(url_for("admin.account"), "All other sessions were ended.")


def _begin_again(message: str) -> Response:
    """Go back to the account page. Nothing was done, so nothing goes into the audit log."""
    flash(message)
    return redirect(url_for("admin.account"), 303)  # type: ignore[return-value]  # Flask's, like `done`


def _is_own_password(form: Form, password: str) -> bool:
    """Whether the password is right. Attempts are counted, and an error is shown at the field."""
    try:
        logins.check_own_password(current(), g.operator, password)
    except Unauthorized:
        form.wrong("present_password", WRONG_PASSWORD)
    except TooManyRequests as error:
        form.problem = str(error.description)
    return form.ok


def _is_own_code(form: Form, code: str) -> bool:
    try:
        logins.check_own_code(current(), g.operator, code)
    except Unauthorized as error:
        form.wrong("code", str(error.description))
    except TooManyRequests as error:
        form.problem = str(error.description)
    return form.ok


def _show_codes_next(codes: list[str]) -> Response:
    shown_once.keep(RECOVERY_CODES, json.dumps(codes))
    return done(url_for("admin.recovery_codes"))


def _qr(secret: str) -> Markup:
    """An SVG element without styles, which the page's policy does not allow."""
    code = segno.make(second_factor.address_for_apps(g.operator, secret), error="m")
    drawn = code.svg_inline(scale=5, border=4, light="#fff", svgclass="qr", lineclass=None, omitsize=False)
    return Markup(drawn)  # noqa: S704 - made of numbers by segno, the text is in the squares


def _grouped(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
