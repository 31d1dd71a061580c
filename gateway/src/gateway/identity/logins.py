"""Proving who you are: the password, then a code if a second factor is on. Every attempt is counted.

An account's count is reset only when everything was right. Otherwise, anyone who knows the password could
guess codes endlessly.
"""

from __future__ import annotations

from flask import request
from sqlalchemy import select
from werkzeug.exceptions import Unauthorized

from gateway.audit import events, trail
from gateway.clients.context import Gateway
from gateway.identity import passwords, second_factor, throttle
from gateway.identity.operators import MAX_LENGTH, Identity, normal_email
from gateway.models import Operator

WRONG_PASSWORD = "incorrect email address or password"  # noqa: S105
WRONG_CODE = "incorrect or already used code; enter the code that the app shows now"
CODE_NEEDED = 'this operator uses two-factor authentication; send the current code in the body as "otp"'


def check_password(gateway: Gateway, email: str, password: str) -> Identity:
    """The operator with this email and password.

    Raises TooManyRequests after too many attempts, and Unauthorized, which says neither which of the two was
    wrong nor whether the operator is disabled.
    """
    account = normal_email(email)[:MAX_LENGTH]
    account = account if account.isprintable() else ""
    throttle.claim_attempt(gateway, account, request.remote_addr or "")
    return _with_password(gateway, account, password)


def check_own_password(gateway: Gateway, identity: Identity, password: str) -> None:
    """Check the password of an operator who is logged in. Raises Unauthorized, TooManyRequests.

    Counted separately: anyone who knows the email address can use up the login's attempts, but not these.
    """
    throttle.claim_attempt(gateway, _own_checks(identity), request.remote_addr or "")
    _with_password(gateway, identity.email, password)


def check_code(gateway: Gateway, identity: Identity, code: str) -> None:
    """Use a code. Raises Unauthorized if it is wrong or was used, TooManyRequests after too many attempts."""
    throttle.claim_attempt(gateway, identity.email, request.remote_addr or "")
    _use_code(gateway, identity, code)


def check_own_code(gateway: Gateway, identity: Identity, code: str) -> None:
    """Use a code of an operator who is logged in, counted like their password. Raises the same errors."""
    throttle.claim_attempt(gateway, _own_checks(identity), request.remote_addr or "")
    _use_code(gateway, identity, code)


def succeeded(gateway: Gateway, identity: Identity) -> None:
    """Reset the attempts after a complete login."""
    with gateway.database.transaction() as session:
        throttle.forgive(session, identity.email)


def own_checks_succeeded(gateway: Gateway, identity: Identity) -> None:
    """Reset the attempts after a complete check of an operator who is logged in."""
    with gateway.database.transaction() as session:
        throttle.forgive(session, _own_checks(identity))


def check_first_step(gateway: Gateway, email: str, password: str) -> Identity:
    """Check the password, which is enough without a second factor. Raises Unauthorized, TooManyRequests."""
    identity = check_password(gateway, email, password)
    if not second_factor.is_on(gateway, identity.id):
        succeeded(gateway, identity)
    return identity


def check_second_step(gateway: Gateway, identity: Identity, code: str) -> None:
    """Check the code if one is needed; an empty code means none. Raises Unauthorized, TooManyRequests."""
    if not second_factor.is_on(gateway, identity.id):
        return
    if not code:
        raise Unauthorized(CODE_NEEDED)
    check_code(gateway, identity, code)
    succeeded(gateway, identity)


def _own_checks(identity: Identity) -> str:
    """An account name that no address typed at the login can equal, since those are lowercase."""
    return f"OWN CHECKS OF {identity.id}"


def _with_password(gateway: Gateway, account: str, password: str) -> Identity:
    with gateway.database.reading() as session:
        operator = session.scalar(select(Operator).where(Operator.email == account))
    known = operator.password_hash if operator is not None else None
    right = passwords.is_right(password[: passwords.MAX_LENGTH + 1], known)
    if operator is None or not right or operator.disabled:
        trail.record_failed_login(gateway, events.WRONG_PASSWORD, account)
        raise Unauthorized(WRONG_PASSWORD)
    return Identity.of(operator)


def _use_code(gateway: Gateway, identity: Identity, code: str) -> None:
    with gateway.database.transaction() as session:
        right = second_factor.accept(gateway, session, identity.id, code)
    if not right:
        trail.record_failed_login(gateway, events.WRONG_CODE, identity.email)
        raise Unauthorized(WRONG_CODE)
