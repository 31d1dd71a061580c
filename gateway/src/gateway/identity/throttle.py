"""Limits on password and code attempts, counted in the database so that a restart does not reset them."""

from __future__ import annotations

from datetime import timedelta

from servicekit.ids import new_id
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from gateway.clients.context import Gateway
from gateway.identity.addresses import network_of
from gateway.models import LoginAttempt

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 50
# The locks, in the order in which they are taken: a fixed order prevents deadlocks.
ACCOUNT_LOCK, ADDRESS_LOCK = 1, 2


def claim_attempt(gateway: Gateway, account: str, address: str) -> None:
    """Count one attempt. Call it before checking the password, so that parallel guesses count too.

    Raises TooManyRequests if the account or the address has used up its attempts.
    """
    now, address = gateway.wall_now(), network_of(address)
    with gateway.database.transaction() as session:
        _one_at_a_time(gateway, session, account, address)
        for column, value, allowed in (
            (LoginAttempt.account, account, PER_ACCOUNT),
            (LoginAttempt.address, address, PER_ADDRESS),
        ):
            tried = session.scalar(
                select(func.count()).where(column == value, LoginAttempt.attempted_at > now - WINDOW)
            )
            if tried is not None and tried >= allowed:
                raise TooManyRequests(
                    "too many failed attempts; wait 15 minutes and try again",
                    retry_after=int(WINDOW.total_seconds()),
                )
        session.add(LoginAttempt(id=new_id(), account=account, address=address, attempted_at=now))


def _one_at_a_time(gateway: Gateway, session: Session, account: str, address: str) -> None:
    """Without it, on PostgreSQL, parallel attempts would all be checked before any of them is counted."""
    if gateway.database.is_sqlite:
        return
    for lock, name in ((ACCOUNT_LOCK, account), (ADDRESS_LOCK, address)):
        session.execute(select(func.pg_advisory_xact_lock(lock, func.hashtext(name))))


def forgive(session: Session, account: str) -> None:
    """Reset the attempts of an account after the right password."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.account == account))


def forget_old(gateway: Gateway, session: Session) -> None:
    old = delete(LoginAttempt).where(LoginAttempt.attempted_at < gateway.wall_now() - WINDOW)
    session.execute(old)
