"""API tokens, which all other endpoints need."""

from __future__ import annotations

from contracts.common import Page
from flask import g
from pydantic import AwareDatetime

from gateway.api.routing import endpoint
from gateway.api.shapes import Listing, Shape
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.identity import api_tokens
from gateway.resources.fields import Input, Name, Text, optional


class NewToken(Input):
    """`otp`: the current two-factor code or a recovery code; required if two-factor authentication is on.

    A request repeated with its Idempotency-Key gets its token again without a new code.
    """

    name: Name
    otp: Text = optional()


class CreatedToken(Shape):
    """`token` is shown only once and not stored."""

    id: str
    name: str
    token: str


class TokenShape(Shape):
    id: str
    name: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


@endpoint(
    "POST",
    "/tokens",
    permission=Permission.OWN_PASSWORD,
    body=NewToken,
    answer=CreatedToken,
    status=201,
    event=Event("api.create_token", "Created an API token"),
)
def create_token(body: NewToken) -> CreatedToken:
    """Create an API token for yourself."""
    token_id, token = api_tokens.create(current(), g.operator.id, body.name)
    return CreatedToken(id=token_id, name=body.name, token=token)


@endpoint("GET", "/tokens", permission=Permission.OWN_TOKENS, answer=Listing[TokenShape])
def list_tokens() -> Page:
    """List your API tokens, without the tokens themselves."""
    return Page(api_tokens.list_of(current(), g.operator.id))


@endpoint(
    "DELETE",
    "/tokens/<token_id>",
    permission=Permission.OWN_TOKENS,
    answer=None,
    status=204,
    event=Event("api.revoke_token", "Revoked an API token"),
)
def revoke_token(token_id: str) -> None:
    """Revoke one of your API tokens."""
    api_tokens.revoke(current(), g.operator.id, token_id)
