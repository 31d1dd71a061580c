"""The set-up page, which creates the first owner. It needs the token that was printed at the start."""

from __future__ import annotations

from flask import Response, abort, request, url_for

from gateway.admin.forms import Form
from gateway.admin.login import log_in
from gateway.admin.pages import done, form_page, show
from gateway.admin.password_fields import new_password
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.identity import first_owner
from gateway.identity.operators import Identity, any_exists


@form_page(
    "/setup", permission=Permission.PUBLIC, event=Event("admin.setup", "Set up ISP-OS as its first owner")
)
def setup() -> Response:
    gateway = current()
    if any_exists(gateway):
        abort(404)
    token = request.values.get("token", "")
    if not first_owner.is_setup_token(gateway.settings, token):
        abort(403, "open this page with the setup link that was printed when ISP-OS started")
    form = Form()
    if request.method == "POST":
        owner = _make_owner(form)
        if owner is not None:
            log_in(owner)
            return done(url_for("admin.dashboard"), "Welcome. Start by adding a router and a plan.")
    return show("setup.html", 200 if form.ok else 422, form=form, token=token)


def _make_owner(form: Form) -> Identity | None:
    full_name, email = form.text("full_name", required=True), form.text("email", required=True)
    password = new_password(form)
    if not form.ok:
        return None
    return form.attempt(
        lambda: first_owner.create_first_owner(current(), email=email, full_name=full_name, password=password)
    )
