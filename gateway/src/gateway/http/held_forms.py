"""Holds forms that could not be handled because the session had ended or a service was down.

A form is held for 30 minutes, for the same operator only. Its page shows it again with the same idempotency
key, so that a request that did succeed is not carried out twice.
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

# In the signed cookie: the operator who last logged in with this browser, and when.
OPERATOR_ID, SINCE = "operator", "operator_since"
LOGOUT = "admin.logout"
KEY = "idempotency_key"
ENDED = "Your session ended before this was saved. Log in to continue; your input has been kept."
NOT_DONE = "Your session ended before this was done. Log in and try again."
LASTS = timedelta(minutes=30)
# The longest session, plus time to send a form that was being filled in when it ended.
REMEMBERED = login_sessions.ABSOLUTE + LASTS
MAX_PER_OPERATOR = 20
MAX_CHARACTERS = 200_000
MAX_PATH_LENGTH = 500
# Operators enter their passwords and codes again: holding them is not worth the risk.
NEVER_HELD = {"csrf_token", "password", "password_again", "present_password", "code"}


def register(app: Flask) -> None:
    app.after_request(_forget_shown)


def remember(operator_id: str) -> None:
    """Remember that this operator logged in with this browser, so that their forms can be held."""
    session[OPERATOR_ID], session[SINCE] = operator_id, int(current().wall_now().timestamp())


def keep_what_was_typed() -> str | None:
    """Hold the form that is being sent. Returns the page to show after the login, or None if there is none.

    Only for an operator who was logged in with this browser: the signed cookie says who that was, and the
    CSRF token proves that one of our pages sent the form.
    """
    operator_id, page = _remembered(), _page_of_form()
    # A session that has ended needs no logout.
    if operator_id is None or page is None or request.endpoint == LOGOUT:
        return None
    try:
        if not _csrf_is_right():
            return None
        flash(ENDED if _hold_sent(operator_id, page) else NOT_DONE)
    except RequestEntityTooLarge:  # a file: only operators who are logged in may send one
        flash(NOT_DONE)
    return page


def keep_after_failure() -> str | None:
    """Hold the form of a request that we failed to carry out. Returns its page, or None if it is not held."""
    operator, page = g.get("operator"), _page_of_form()
    if operator is None or page is None or not _hold_sent(operator.id, page):
        return None
    return page


def _remembered() -> str | None:
    """The operator who last logged in with this browser, unless that is too long ago to trust the cookie."""
    operator_id, since = session.get(OPERATOR_ID), session.get(SINCE)
    if not isinstance(operator_id, str) or not isinstance(since, int):
        return None
    age = current().wall_now() - datetime.fromtimestamp(since, UTC)
    return operator_id if age <= REMEMBERED else None


def _hold_sent(operator_id: str, page: str) -> bool:
    """Hold the form being sent. False for an action, which has no page of its own and no text fields."""
    values = {name: text for name, text in request.form.to_dict().items() if name not in NEVER_HELD}
    path, typed = urlsplit(page).path, any(text for name, text in values.items() if name != KEY)
    return typed and path == request.path and hold(current(), operator_id, path, values)


def hold(gateway: Gateway, operator_id: str, path: str, values: dict[str, str]) -> bool:
    """Hold the values in place of earlier ones for the path. False if they are larger than any real form."""
    content = json.dumps(values)
    if len(content) > MAX_CHARACTERS or len(path) > MAX_PATH_LENGTH:
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
    """What is held for the page being shown. It is deleted once the page was rendered successfully."""
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
    except DecryptionFailed:  # the encryption key has changed since, so the form is lost
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
    """Limit the forms per operator: an expired session's cookie can still have more and more of them held."""
    mine = select(HeldForm.path).where(HeldForm.operator_id == operator_id)
    surplus = db.scalars(mine.order_by(HeldForm.held_at.desc()).offset(MAX_PER_OPERATOR)).all()
    db.execute(delete(HeldForm).where(HeldForm.operator_id == operator_id, HeldForm.path.in_(surplus)))


def _page_of_form() -> str | None:
    """The page that shows the form: the address it is sent to or, for an action, the page it came from."""
    if _opens(request.path):
        return request.full_path.rstrip("?")
    return page_sent_from()


def page_sent_from() -> str | None:
    """The page of ours that sent the request; None if it was not one of ours."""
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
