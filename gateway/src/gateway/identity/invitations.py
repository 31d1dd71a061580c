"""Invitations: a link with which someone becomes an operator. Only a hash of its token is stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.common import Conflict, FieldError, NotFound, Page
from servicekit import loading
from servicekit.db import insert_if_absent
from servicekit.ids import new_id
from servicekit.paging import page_of
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from gateway.clients.context import Gateway
from gateway.identity.digests import digest
from gateway.identity.operators import (
    Identity,
    checked_email,
    create_operator,
    may_manage,
    require_still,
    taken,
)
from gateway.models import Invitation, Operator, Role

LASTS = timedelta(hours=48)


class InvitationState(StrEnum):
    PENDING = "pending"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


@dataclass(frozen=True)
class InvitationView:
    """`invited_by` is the email address of the operator who last sent the invitation."""

    id: str
    email: str
    role: Role
    state: InvitationState
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class SentInvitation:
    """`link` can be shown only this once, because it is not stored."""

    invitation: InvitationView
    link: str


def invite(gateway: Gateway, actor: Identity, email: str, role: Role) -> SentInvitation:
    """Invite an email address to a role.

    Raises InvalidInput; Forbidden for a role that the actor may not give; Conflict for an address that
    belongs to an operator or has an open invitation.
    """
    _require_may_give(actor, role)
    email, token, now = checked_email(email), _new_token(), gateway.wall_now()
    invitation_id = new_id()
    with gateway.database.transaction() as session:
        require_still(session, actor)
        if session.scalar(select(Operator.id).where(Operator.email == email)) is not None:
            raise taken(email)
        new = insert_if_absent(
            session,
            Invitation,
            id=invitation_id,
            email=email,
            role=role,
            token_hash=digest(token),
            invited_by=actor.id,
            created_at=now,
            expires_at=now + LASTS,
        )
        if not new:
            message = f"{email} already has an invitation; renew its link or revoke it"
            raise Conflict(message, [FieldError("email", message)])
    return _sent(gateway, invitation_id, token)


def send_again(gateway: Gateway, actor: Identity, invitation_id: str) -> SentInvitation:
    """Create a new link for 48 hours; the old one stops working. Raises NotFound, Forbidden, Conflict."""
    token = _new_token()
    with gateway.database.transaction() as session:
        require_still(session, actor)
        invitation = _manageable(session, actor, invitation_id)
        if invitation.accepted_at is not None or invitation.revoked_at is not None:
            raise Conflict("this invitation was accepted or revoked; invite the address again")
        invitation.token_hash = digest(token)
        invitation.expires_at = gateway.wall_now() + LASTS
        invitation.invited_by = actor.id
    return _sent(gateway, invitation_id, token)


def revoke(gateway: Gateway, actor: Identity, invitation_id: str) -> InvitationView:
    """Revoke the link; safe to repeat. Raises NotFound, Forbidden, or Conflict once it was accepted."""
    with gateway.database.transaction() as session:
        require_still(session, actor)
        invitation = _manageable(session, actor, invitation_id)
        if invitation.accepted_at is not None:
            raise Conflict("this invitation was accepted; disable the operator instead")
        invitation.revoked_at = invitation.revoked_at or gateway.wall_now()
    return get_invitation(gateway, invitation_id)


def revoke_those_of(gateway: Gateway, session: Session, operator_id: str) -> None:
    """Revoke the open invitations of an operator who may no longer invite those people."""
    open_ones = update(Invitation).where(
        Invitation.invited_by == operator_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
    session.execute(open_ones.values(revoked_at=gateway.wall_now()))


def accept(gateway: Gateway, token: str, *, full_name: str, password: str) -> Identity:
    """Make the invited person an operator. Raises NotFound, InvalidInput, or Conflict if the link is dead."""
    with gateway.database.transaction() as session:
        query = select(Invitation).where(Invitation.token_hash == digest(token)).with_for_update()
        invitation = session.scalar(query)
        if invitation is None:
            raise NotFound("this invitation doesn't exist")
        if state_of(gateway, invitation) is not InvitationState.PENDING:
            raise Conflict("this invitation can no longer be used; reload the page to see why")
        invitation.accepted_at = gateway.wall_now()
        return create_operator(
            gateway,
            session,
            email=invitation.email,
            full_name=full_name,
            role=invitation.role,
            password=password,
        )


def find(gateway: Gateway, token: str) -> InvitationView | None:
    """The invitation of a link, in any state; None if there is none."""
    with gateway.database.reading() as session:
        invitation = session.scalar(select(Invitation).where(Invitation.token_hash == digest(token)))
        return _view(gateway, session, invitation) if invitation is not None else None


def get_invitation(gateway: Gateway, invitation_id: str) -> InvitationView:
    """Raises NotFound."""
    with gateway.database.reading() as session:
        return _view(gateway, session, loading.get(session, Invitation, invitation_id))


def list_invitations(gateway: Gateway, limit: int, after: str | None) -> Page[InvitationView]:
    """Newest first."""
    with gateway.database.reading() as session:
        return page_of(
            session,
            select(Invitation),
            Invitation.id,
            lambda invitation: _view(gateway, session, invitation),
            limit=limit,
            after=after,
        )


def addresses_of(gateway: Gateway, invitation_ids: list[str]) -> dict[str, str]:
    """The invited email addresses, by invitation id."""
    query = select(Invitation.id, Invitation.email).where(Invitation.id.in_(invitation_ids))
    with gateway.database.reading() as session:
        return dict(session.execute(query).all())


def state_of(gateway: Gateway, invitation: Invitation) -> InvitationState:
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.revoked_at is not None:
        return InvitationState.REVOKED
    if invitation.expires_at <= gateway.wall_now():
        return InvitationState.EXPIRED
    return InvitationState.PENDING


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _require_may_give(actor: Identity, role: Role) -> None:
    if not may_manage(actor.role, role):
        raise Forbidden(f"your role ({actor.role}) doesn't allow inviting someone as {role}")


def _manageable(session: Session, actor: Identity, invitation_id: str) -> Invitation:
    invitation = loading.lock(session, Invitation, invitation_id)
    _require_may_give(actor, invitation.role)
    return invitation


def _sent(gateway: Gateway, invitation_id: str, token: str) -> SentInvitation:
    link = f"{gateway.settings.public_url}/join/{token}"
    return SentInvitation(get_invitation(gateway, invitation_id), link)


def _view(gateway: Gateway, session: Session, invitation: Invitation) -> InvitationView:
    inviter = session.get_one(Operator, invitation.invited_by)
    return InvitationView(
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        state=state_of(gateway, invitation),
        invited_by=inviter.email,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
