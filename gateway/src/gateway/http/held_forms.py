"""What was typed into a form that could not be taken: the session had ended, or a service was down.

It is held for half an hour, for the same operator only. The form's page shows it again, with its
idempotency key, so that what was done after all is not done twice.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, flash, g, request, session
from flask.globals import request_ctx
from flask_wtf.csrf import CSRFError
from servicekit.db import insert_if_absent
from servicekit.secrets import DecryptionFailed
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.clients.context import Gateway, current
from gateway.identity import login_sessions
from gateway.models import HeldForm

# In the signed cookie: who was logged in here last, and since when.
OPERATOR_ID, SINCE = "operator", "operator_since"
LOGOUT = "admin.logout"
KEY = "idempotency_key"
ENDED = "Your session ended before this was saved. Log in and it is still here."
NOT_DONE = "Your session ended before this was done. Log in and do it again."
LASTS = timedelta(minutes=30)
# The longest session, and time to send what was being typed at its end.
REMEMBERED = login_sessions.ABSOLUTE + LASTS
MOST_PER_OPERATOR = 20
MOST_CHARACTERS = 200_000
LONGEST_PATH = 500
# An operator's own passwords and codes are typed again: they are worth more than the trouble.
NEVER_HELD = {"csrf_token", "password", "password_again", "present_password", "code"}


def register(app: Flask) -> None:
    app.after_request(_forget_shown)


def remember(operator_id: str) -> None:
    """Who logged in here: what they type may be held."""
    session[OPERATOR_ID], session[SINCE] = operator_id, int(current().wall_now().timestamp())


def keep_what_was_typed() -> str | None:
    """Hold the form that is being sent; returns the page to show after the login, None without one.

    Only for one who was logged in here: the signed cookie says who, its CSRF token that they meant it.
    """
    operator_id, page = _remembered(), _page_of_form()
    # Who logs out when the session has ended has what they want.
    if operator_id is None or page is None or request.endpoint == LOGOUT:
        return None
    try:
        if not _csrf_is_right():
            return None
        flash(ENDED if _hold_sent(operator_id, page) else NOT_DONE)
    except RequestEntityTooLarge:  # a file: only who is logged in may send one
        flash(NOT_DONE)
    return page


def keep_after_failure() -> str | None:
    """Hold the form that we failed to carry out; returns its page if it is held."""
    operator, page = g.get("operator"), _page_of_form()
    if operator is None or page is None or not _hold_sent(operator.id, page):
        return None
    return page


def _remembered() -> str | None:
    """Who was logged in here, unless that is long ago: a cookie of last year is nobody's word."""
    operator_id, since = session.get(OPERATOR_ID), session.get(SINCE)
    if not isinstance(operator_id, str) or not isinstance(since, int):
        return None
    age = current().wall_now() - datetime.fromtimestamp(since, UTC)
    return operator_id if age <= REMEMBERED else None


def _hold_sent(operator_id: str, page: str) -> bool:
    """An action, which has no page of its own, has nothing that could be typed."""
    values = {name: text for name, text in request.form.to_dict().items() if name not in NEVER_HELD}
    path, typed = urlsplit(page).path, any(text for name, text in values.items() if name != KEY)
    return typed and path == request.path and hold(current(), operator_id, path, values)


def hold(gateway: Gateway, operator_id: str, path: str, values: dict[str, str]) -> bool:
    """Keep them in place of earlier ones for the path. False when they are more than any form of ours has."""
    content = json.dumps(values)
    if len(content) > MOST_CHARACTERS or len(path) > LONGEST_PATH:
        return False
    sealed = gateway.cipher.encrypt(content, _owner(operator_id, path))
    with gateway.database.transaction() as db:
        db.execute(delete(HeldForm).where(HeldForm.operator_id == operator_id, HeldForm.path == path))
        insert_if_absent(
            db,
            HeldForm,
            operator_id=operator_id,
            path=path,
            content_encrypted=sealed,
            held_at=gateway.wall_now(),
        )
        _keep_newest(db, operator_id)
    return True


def shown_again() -> dict[str, str] | None:
    """What is held for the page being shown; it is forgotten once the page has been answered well."""
    operator = g.get("operator")
    if request.method != "GET" or operator is None:
        return None
    held = read(current(), operator.id, request.path)
    if held is not None:
        g.held_form_shown = True
    return held


def read(gateway: Gateway, operator_id: str, path: str) -> dict[str, str] | None:
    with gateway.database.reading() as db:
        row = db.scalar(
            select(HeldForm).where(
                HeldForm.operator_id == operator_id,
                HeldForm.path == path,
                HeldForm.held_at > gateway.wall_now() - LASTS,
            )
        )
    if row is None:
        return None
    try:
        return json.loads(gateway.cipher.decrypt(row.content_encrypted, _owner(operator_id, path)))
    except DecryptionFailed:  # the key was changed since: it cannot be shown, and need not be
        return None


def forget(gateway: Gateway, operator_id: str, path: str) -> None:
    with gateway.database.transaction() as db:
        db.execute(delete(HeldForm).where(HeldForm.operator_id == operator_id, HeldForm.path == path))


def forget_old(gateway: Gateway, db: Session) -> None:
    db.execute(delete(HeldForm).where(HeldForm.held_at < gateway.wall_now() - LASTS))


def _forget_shown(response: Response) -> Response:
    if g.get("held_form_shown") and response.status_code == 200:
        forget(current(), g.operator.id, request.path)
    return response


def _keep_newest(db: Session, operator_id: str) -> None:
    """A cookie of yesterday can still have forms held; not without end."""
    mine = select(HeldForm.path).where(HeldForm.operator_id == operator_id)
    surplus = db.scalars(mine.order_by(HeldForm.held_at.desc()).offset(MOST_PER_OPERATOR)).all()
    db.execute(delete(HeldForm).where(HeldForm.operator_id == operator_id, HeldForm.path.in_(surplus)))


def _page_of_form() -> str | None:
    """The page that the form stands on: its own address, or for an action the page it was sent from."""
    if _opens(request.path):
        return request.full_path.rstrip("?")
    return page_sent_from()


def page_sent_from() -> str | None:
    """The page of ours that the browser was on."""
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host or not _opens(parts.path):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _opens(path: str) -> bool:
    adapter = request_ctx.url_adapter
    return path.isprintable() and adapter is not None and adapter.test(path, method="GET")


def _csrf_is_right() -> bool:
    try:
        current_app.extensions["csrf"].protect()
    except CSRFError:
        return False
    return True


def _owner(operator_id: str, path: str) -> str:
    return f"held-form:{operator_id}:{path}"
