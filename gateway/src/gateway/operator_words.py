"""The states of operators and invitations as badges on the screen."""

from __future__ import annotations

from flask import Flask

from gateway.display import Words
from gateway.invitations import InvitationState, InvitationView
from gateway.operator_changes import OperatorView


def register(app: Flask) -> None:
    for words in (operator_status, second_factor_status, invitation_status):
        app.add_template_filter(words)


def operator_status(operator: OperatorView) -> Words:
    return Words("Disabled", "quiet") if operator.disabled else Words("Active", "good")


def second_factor_status(operator: OperatorView) -> Words:
    return Words("On", "good") if operator.second_factor else Words("Off", "quiet")


def invitation_status(invitation: InvitationView) -> Words:
    words = {
        InvitationState.PENDING: Words("Pending", "info"),
        InvitationState.EXPIRED: Words("Expired", "warn"),
        InvitationState.ACCEPTED: Words("Accepted", "good"),
        InvitationState.REVOKED: Words("Revoked", "quiet"),
    }
    return words[invitation.state]
