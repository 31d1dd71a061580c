"""Operators and their invitations."""

from __future__ import annotations

from contracts.common import Page
from flask import g
from pydantic import AwareDatetime

from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Paging, Shape
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.identity import invitations, operator_changes
from gateway.identity.invitations import InvitationState, InvitationView
from gateway.identity.operator_changes import OperatorView
from gateway.models import Role
from gateway.resources.operators import NewInvitation, OperatorChange


class OperatorShape(Shape):
    """`second_factor`: whether they need a code to log in."""

    id: str
    email: str
    full_name: str
    role: Role
    disabled: bool
    second_factor: bool
    created_at: AwareDatetime
    last_seen_at: AwareDatetime | None


class InvitationShape(Shape):
    id: str
    email: str
    role: Role
    state: InvitationState
    invited_by: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class SentInvitationShape(InvitationShape):
    """`link` is shown only once and not stored: send it to the invited person."""

    link: str


@endpoint(
    "GET", "/operators", permission=Permission.MANAGE_OPERATORS, query=Paging, answer=Listing[OperatorShape]
)
def list_operators(query: Paging) -> Page[OperatorView]:
    """List the operators, newest first."""
    return operator_changes.list_operators(current(), query.limit, query.after)


@endpoint("GET", "/operators/<operator_id>", permission=Permission.MANAGE_OPERATORS, answer=OperatorShape)
def get_operator(operator_id: str) -> OperatorView:
    """Show an operator."""
    return operator_changes.get_operator(current(), operator_id)


@endpoint(
    "PATCH",
    "/operators/<operator_id>",
    permission=Permission.MANAGE_OPERATORS,
    body=OperatorChange,
    answer=OperatorShape,
    event=Event("api.change_operator", "Changed an operator", "operator"),
)
def change_operator(operator_id: str, body: OperatorChange) -> OperatorView:
    """Change an operator's role, disable or enable them. Admins may change staff and technicians."""
    return operator_changes.change(current(), g.operator, operator_id, **body.given())


@endpoint(
    "DELETE",
    "/operators/<operator_id>/sessions",
    permission=Permission.MANAGE_OPERATORS,
    answer=None,
    status=204,
    event=Event("api.end_operator_sessions", "Signed an operator out everywhere", "operator"),
)
def end_operator_sessions(operator_id: str) -> None:
    """Log an operator out everywhere."""
    operator_changes.end_sessions(current(), g.operator, operator_id)


@endpoint(
    "DELETE",
    "/operators/<operator_id>/second-factor",
    permission=Permission.MANAGE_OPERATORS,
    answer=None,
    status=204,
    event=Event(
        "api.switch_operator_second_factor_off",
        "Turned off two-factor authentication for an operator",
        "operator",
    ),
)
def switch_operator_second_factor_off(operator_id: str) -> None:
    """Turn off two-factor authentication for an operator who lost their phone. Also logs them out."""
    operator_changes.switch_second_factor_off(current(), g.operator, operator_id)


@endpoint(
    "POST",
    "/invitations",
    permission=Permission.MANAGE_OPERATORS,
    body=NewInvitation,
    answer=SentInvitationShape,
    status=201,
    event=Event("api.create_invitation", "Invited an operator", "invitation"),
)
def create_invitation(body: NewInvitation) -> SentInvitationShape:
    """Invite someone with a link that works once, for 48 hours. Admins may invite staff and technicians."""
    return _with_link(invitations.invite(current(), g.operator, body.email, body.role))


@endpoint(
    "GET",
    "/invitations",
    permission=Permission.MANAGE_OPERATORS,
    query=Paging,
    answer=Listing[InvitationShape],
)
def list_invitations(query: Paging) -> Page[InvitationView]:
    """List the invitations, newest first, without their links."""
    return invitations.list_invitations(current(), query.limit, query.after)


@endpoint(
    "POST",
    "/invitations/<invitation_id>/send-again",
    permission=Permission.MANAGE_OPERATORS,
    answer=SentInvitationShape,
    event=Event("api.send_invitation_again", "Renewed an invitation link", "invitation"),
)
def send_invitation_again(invitation_id: str) -> SentInvitationShape:
    """Create a new link for 48 hours; the old one stops working."""
    return _with_link(invitations.send_again(current(), g.operator, invitation_id))


@endpoint(
    "DELETE",
    "/invitations/<invitation_id>",
    permission=Permission.MANAGE_OPERATORS,
    answer=None,
    status=204,
    event=Event("api.revoke_invitation", "Revoked an invitation", "invitation"),
)
def revoke_invitation(invitation_id: str) -> None:
    """Revoke an invitation that was not accepted yet."""
    invitations.revoke(current(), g.operator, invitation_id)


def _with_link(sent: invitations.SentInvitation) -> SentInvitationShape:
    return SentInvitationShape(**dict(InvitationShape.of(sent.invitation)), link=sent.link)
