"""The page of an invitation link, where the invited person chooses a password and is logged in."""

from __future__ import annotations

from contracts.common import NotFound
from flask import Response, g, request, url_for
from werkzeug.exceptions import TooManyRequests

from gateway.admin.forms import Form
from gateway.admin.login import log_in
from gateway.admin.pages import done, form_page, show
from gateway.admin.password_fields import new_password
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.identity import invitations, logins, throttle
from gateway.identity.addresses import network_of
from gateway.identity.invitations import InvitationState, InvitationView
from gateway.identity.operators import Identity

GONE = 410


@form_page(
    "/join/<token>",
    permission=Permission.PUBLIC,
    event=Event("admin.join", "Accepted an invitation", "invitation"),
)
def join(token: str) -> Response:
    """Raises NotFound for an unknown link, TooManyRequests for someone who guesses links."""
    invitation = invitations.find(current(), token)
    if invitation is None:
        address = network_of(request.remote_addr or "")
        throttle.claim_attempt(current(), f"links tried from {address}", address)
        raise NotFound("this invitation doesn't exist; check that the link is complete")
    if invitation.state is not InvitationState.PENDING:
        return show("join_gone.html", GONE, invitation=invitation)
    form = Form()
    if request.method == "POST":
        joined = _accept(form, token, invitation)
        if joined is not None:
            logins.succeeded(current(), joined)
            log_in(joined)
            g.record_id = invitation.id
            return done(url_for("admin.dashboard"), f"Welcome, {joined.full_name}.")
    return show("join.html", 200 if form.ok else 422, form=form, invitation=invitation)


def _accept(form: Form, token: str, invitation: InvitationView) -> Identity | None:
    full_name, password = form.text("full_name", required=True), new_password(form)
    if not form.ok:
        return None
    try:
        throttle.claim_attempt(current(), invitation.email, request.remote_addr or "")
    except TooManyRequests as error:
        form.problem = str(error.description)
        return None
    return form.attempt(lambda: invitations.accept(current(), token, full_name=full_name, password=password))
