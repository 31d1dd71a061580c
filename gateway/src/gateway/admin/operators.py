"""Operators: who works with the system, and the invitations that bring in more."""

from __future__ import annotations

from flask import Response, g, request, url_for

from gateway.admin.forms import Form
from gateway.admin.lists import Listing
from gateway.admin.pages import PAGE_SIZE, Entry, action, all_items, done, form_page, page, question, show
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.identity import invitations, operator_changes, shown_once
from gateway.identity.invitations import InvitationState, SentInvitation
from gateway.identity.operator_changes import OperatorView
from gateway.identity.operators import MANAGES, may_manage
from gateway.models import Role
from gateway.resources.operators import NewInvitation, RoleChange

LINK = "link of an invitation"
ROLE_WORDS = {
    Role.OWNER: "Owner: full access, including other owners",
    Role.ADMIN: "Admin: full access; can invite staff and technicians",
    Role.STAFF: "Staff: subscribers, invoices and payments",
    Role.TECHNICIAN: "Technician: routers, sessions and subscribers, without billing",
}


@page("/settings/operators", permission=Permission.MANAGE_OPERATORS, tab=Entry(3, "Operators"))
def operators() -> Response:
    sent = invitations.list_invitations(current(), PAGE_SIZE, request.args.get("after"))
    everybody = all_items(lambda limit, after: operator_changes.list_operators(current(), limit, after))
    return show(
        "operators.html",
        rows=[(one, _manageable(one)) for one in everybody],
        invitations=[(one, _open_to_me(one)) for one in sent.items],
        list=Listing(sent),
        link=shown_once.take(LINK),
    )


@form_page(
    "/settings/operators/invite",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.invite_operator", "Invited an operator", "invitation"),
)
def invite_operator() -> Response:
    form = Form({"role": Role.STAFF.value})
    sent = form.submit(
        NewInvitation, lambda new: invitations.invite(current(), g.operator, new.email, new.role)
    )
    if sent is not None:
        return _show_link_next(sent)
    return _ask("operator_invite.html", form, roles=_roles())


@action(
    "/settings/operators/invitations/<invitation_id>/send-again",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.send_invitation_again", "Renewed an invitation link", "invitation"),
)
def send_invitation_again(invitation_id: str) -> Response:
    return _show_link_next(invitations.send_again(current(), g.operator, invitation_id))


@form_page(
    "/settings/operators/invitations/<invitation_id>/revoke",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.revoke_invitation", "Revoked an invitation", "invitation"),
)
def revoke_invitation(invitation_id: str) -> Response:
    form, invitation = Form(), invitations.get_invitation(current(), invitation_id)
    revoked = form.attempt(lambda: invitations.revoke(current(), g.operator, invitation_id))
    if revoked is not None:
        return done(url_for("admin.operators"), f"The invitation for {invitation.email} was revoked.")
    return _ask("invitation_revoke.html", form, invitation=invitation)


@form_page(
    "/settings/operators/<operator_id>/role",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.change_operator_role", "Changed an operator's role", "operator"),
)
def change_operator_role(operator_id: str) -> Response:
    other = operator_changes.get_operator(current(), operator_id)
    form = Form({"role": other.role.value})
    changed = form.submit(
        RoleChange,
        lambda change: operator_changes.change(current(), g.operator, operator_id, role=change.role),
        required=("role",),
    )
    if changed is not None:
        role = changed.role.capitalize()
        return done(url_for("admin.operators"), f"{other.full_name} now has the {role} role.")
    return _ask("operator_role.html", form, other=other, roles=_roles())


@form_page(
    "/settings/operators/<operator_id>/disable",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.disable_operator", "Disabled an operator", "operator"),
)
def disable_operator(operator_id: str) -> Response:
    form, other = Form(), operator_changes.get_operator(current(), operator_id)
    changed = form.attempt(lambda: operator_changes.change(current(), g.operator, operator_id, disabled=True))
    if changed is not None:
        return done(url_for("admin.operators"), f"{other.full_name} was disabled.")
    return _ask("operator_disable.html", form, other=other)


@form_page(
    "/settings/operators/<operator_id>/enable",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.enable_operator", "Enabled an operator", "operator"),
)
def enable_operator(operator_id: str) -> Response:
    form, other = Form(), operator_changes.get_operator(current(), operator_id)
    changed = form.attempt(
        lambda: operator_changes.change(current(), g.operator, operator_id, disabled=False)
    )
    if changed is not None:
        return done(url_for("admin.operators"), f"{other.full_name} was enabled.")
    return _ask("operator_enable.html", form, other=other)


@form_page(
    "/settings/operators/<operator_id>/end-sessions",
    permission=Permission.MANAGE_OPERATORS,
    event=Event("admin.end_operator_sessions", "Signed an operator out everywhere", "operator"),
)
def end_operator_sessions(operator_id: str) -> Response:
    form, other = Form(), operator_changes.get_operator(current(), operator_id)
    ended = form.attempt(lambda: operator_changes.end_sessions(current(), g.operator, operator_id))
    if ended is not None:
        return done(url_for("admin.operators"), f"{other.full_name} was logged out everywhere.")
    return _ask("operator_end_sessions.html", form, other=other)


@form_page(
    "/settings/operators/<operator_id>/second-factor/off",
    permission=Permission.MANAGE_OPERATORS,
    event=Event(
        "admin.switch_operator_second_factor_off",
        "Turned off two-factor authentication for an operator",
        "operator",
    ),
)
def switch_operator_second_factor_off(operator_id: str) -> Response:
    form, other = Form(), operator_changes.get_operator(current(), operator_id)
    changed = form.attempt(
        lambda: operator_changes.switch_second_factor_off(current(), g.operator, operator_id)
    )
    if changed is not None:
        return done(url_for("admin.operators"), f"Two-factor authentication for {other.full_name} is off.")
    return _ask("operator_second_factor.html", form, other=other)


def _manageable(other: OperatorView) -> bool:
    """Whether to show the buttons. The server checks again when one is used."""
    return other.id != g.operator.id and may_manage(g.operator.role, other.role)


def _open_to_me(invitation: invitations.InvitationView) -> bool:
    is_open = invitation.state in (InvitationState.PENDING, InvitationState.EXPIRED)
    return is_open and may_manage(g.operator.role, invitation.role)


def _roles() -> list[tuple[str, str]]:
    return [(role.value, words) for role, words in ROLE_WORDS.items() if role in MANAGES[g.operator.role]]


def _ask(template: str, form: Form, **values: object) -> Response:
    return question(template, form.status, back=url_for("admin.operators"), form=form, **values)


def _show_link_next(sent: SentInvitation) -> Response:
    shown_once.keep(LINK, sent.link)
    g.record_id = sent.invitation.id
    return done(url_for("admin.operators"), f"Send the link below to {sent.invitation.email}.")
