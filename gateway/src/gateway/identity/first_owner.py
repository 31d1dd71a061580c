"""The first owner: created from the environment, or on the set-up page with a token that only we print."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from pathlib import Path

from contracts.common import Conflict
from servicekit import leases
from servicekit.ids import new_id
from servicekit.logs import log
from sqlalchemy import select

from gateway.clients.context import Gateway
from gateway.identity.operators import Identity, any_exists, create_operator
from gateway.models import Operator, Role
from gateway.settings import GatewaySettings

TOKEN_FILE = "setup-token"  # noqa: S105 - the name of a file


def prepare(gateway: Gateway) -> str | None:
    """Create the owner that the environment names, or the set-up token. Returns the set-up address if needed.

    Safe to repeat: once an operator exists, it only deletes the token.
    """
    settings = gateway.settings
    if not any_exists(gateway) and settings.owner_email and settings.owner_password:
        create_first_owner(
            gateway,
            email=settings.owner_email,
            full_name=_name_in(settings.owner_email),
            password=settings.owner_password,
        )
        log.info("first owner created", email=settings.owner_email)
    if any_exists(gateway):
        _token_file(settings).unlink(missing_ok=True)
        return None
    _keep_token(settings)
    return _address(settings, setup_token(settings))


def setup_url(settings: GatewaySettings) -> str | None:
    """Where to create the first owner; None if there is one. For the process that starts the gateway."""
    try:
        return _address(settings, _token_file(settings).read_text().strip())
    except FileNotFoundError:
        return None


def setup_token(settings: GatewaySettings) -> str:
    """Derived from the secret key, so that every replica accepts the token that any of them printed."""
    return hmac.new(settings.secret_key.encode(), b"first owner", hashlib.sha256).hexdigest()[:40]


def is_setup_token(settings: GatewaySettings, token: str) -> bool:
    return hmac.compare_digest(token.encode(), setup_token(settings).encode())


def create_first_owner(gateway: Gateway, *, email: str, full_name: str, password: str) -> Identity:
    """Raises Conflict if there is an operator already, or if one is being created right now."""
    with gateway.database.transaction() as session:
        # The lease serves as a lock: two set-up forms sent at once must not create two owners.
        if not leases.take(session, "first owner", new_id(), timedelta(seconds=5)):
            raise Conflict("the first owner is being created")
        if session.scalar(select(Operator.id).limit(1)) is not None:
            raise Conflict("the first owner already exists")
        owner = create_operator(
            gateway, session, email=email, full_name=full_name, role=Role.OWNER, password=password
        )
    _token_file(gateway.settings).unlink(missing_ok=True)
    return owner


def _name_in(email: str) -> str:
    """A first guess at the name: juan.delacruz@example.com becomes Juan Delacruz."""
    return email.partition("@")[0].replace(".", " ").replace("_", " ").title()


def _token_file(settings: GatewaySettings) -> Path:
    return settings.data_dir / TOKEN_FILE


def _keep_token(settings: GatewaySettings) -> None:
    path = _token_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(setup_token(settings) + "\n")
    except OSError as error:  # a read-only data folder; the address is still printed
        log.warning("the set-up token cannot be stored", path=str(path), error=str(error))


def _address(settings: GatewaySettings, token: str) -> str:
    return f"{settings.public_url}/setup?token={token}"
