"""The states of operators and invitations as badges on the screen."""

from __future__ import annotations

from gateway.display.words import Words, template_filter
from gateway.identity.invitations import InvitationState, InvitationView
from gateway.identity.operator_changes import OperatorView


@template_filter
def operator_status(operator: OperatorView) -> Words:
    return Words("Disabled", "quiet") if operator.disabled else Words("Active", "good")


@template_filter
def second_factor_status(operator: OperatorView) -> Words:
    return Words("On", "good") if operator.second_factor else Words("Off", "quiet")


@template_filter
def invitation_status(invitation: InvitationView) -> Words:
    words = {
        InvitationState.PENDING: Words("Pending", "info"),
        InvitationState.EXPIRED: Words("Expired", "warn"),
        InvitationState.ACCEPTED: Words("Accepted", "good"),
        InvitationState.REVOKED: Words("Revoked", "quiet"),
    }
    return words[invitation.state]
