"""The second factor: TOTP (RFC 6238) with an app on the phone, and recovery codes in case it is lost."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from contracts.common import Conflict, InvalidInput
from servicekit.db import insert_if_absent, rows_changed
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gateway.clients.context import Gateway
from gateway.identity.digests import digest
from gateway.identity.operators import Identity
from gateway.models import RecoveryCode, SecondFactor

ISSUER = "ISP-OS"
STEP_SECONDS = 30
DIGITS = 6
# Phone clocks are slightly off, so codes of the previous and the next step are accepted too.
STEPS_OFF = 1
RECOVERY_CODES = 10
RECOVERY_OCTETS = 10
# An unfinished set-up expires, because its secret was shown on a screen.
START_LASTS = timedelta(minutes=30)


def is_on(gateway: Gateway, operator_id: str) -> bool:
    with gateway.database.reading() as session:
        return _confirmed(session, operator_id) is not None


def start(gateway: Gateway, identity: Identity) -> None:
    """Create a secret, which counts once it is confirmed. Raises Conflict if one is already confirmed."""
    sealed = gateway.cipher.encrypt(pyotp.random_base32(), _owner(identity.id))
    started = {"secret_encrypted": sealed, "started_at": gateway.wall_now(), "last_step": 0}
    waiting = update(SecondFactor).where(
        SecondFactor.operator_id == identity.id, SecondFactor.confirmed_at.is_(None)
    )
    with gateway.database.transaction() as session:
        new = insert_if_absent(session, SecondFactor, operator_id=identity.id, **started)
        if not new and rows_changed(session, waiting.values(**started)) == 0:
            raise Conflict("two-factor authentication is already on; turn it off to set it up again")


def started_secret(gateway: Gateway, identity: Identity) -> str | None:
    """The secret that is not confirmed yet; None if there is none or its set-up has expired."""
    with gateway.database.reading() as session:
        waiting = _waiting(gateway, session, identity.id)
    return _secret(gateway, waiting) if waiting is not None else None


def address_for_apps(identity: Identity, secret: str) -> str:
    """The otpauth: address that the QR code contains."""
    return pyotp.TOTP(secret).provisioning_uri(name=identity.email, issuer_name=ISSUER)


def confirm(gateway: Gateway, identity: Identity, code: str) -> list[str]:
    """Turn on the second factor. Returns the recovery codes, of which only hashes are stored.

    Raises InvalidInput for a wrong code, Conflict if there is no secret to confirm.
    """
    with gateway.database.transaction() as session:
        waiting = _waiting(gateway, session, identity.id, lock=True)
        if waiting is None:
            raise Conflict("this took too long or is already done; start again")
        step = _step_of(gateway, waiting, code)
        if step is None:
            raise InvalidInput.of(
                "code",
                "Incorrect code. Enter the code that the app shows now, and check your phone's clock",
            )
        waiting.confirmed_at, waiting.last_step = gateway.wall_now(), step
        return _make_recovery_codes(session, identity.id)


def accept(gateway: Gateway, session: Session, operator_id: str, code: str) -> bool:
    """Whether this is an unused code of the app or an unused recovery code. It then counts as used."""
    confirmed = _confirmed(session, operator_id, lock=True)
    if confirmed is None:
        return False
    step = _step_of(gateway, confirmed, code)
    if step is not None:
        confirmed.last_step = step
        return True
    unused = update(RecoveryCode).where(
        RecoveryCode.operator_id == operator_id,
        RecoveryCode.code_hash == _digest_of_typed(code),
        RecoveryCode.used_at.is_(None),
    )
    return rows_changed(session, unused.values(used_at=gateway.wall_now())) == 1


def make_recovery_codes(gateway: Gateway, operator_id: str) -> list[str]:
    """Create new codes; the old ones stop working. Raises Conflict while the second factor is off."""
    with gateway.database.transaction() as session:
        if _confirmed(session, operator_id, lock=True) is None:
            raise Conflict("two-factor authentication is off; set it up first")
        return _make_recovery_codes(session, operator_id)


def recovery_codes_left(gateway: Gateway, operator_id: str) -> int:
    with gateway.database.reading() as session:
        unused = (RecoveryCode.operator_id == operator_id, RecoveryCode.used_at.is_(None))
        return session.scalar(select(func.count()).where(*unused)) or 0


def switch_off(session: Session, operator_id: str) -> None:
    """Turn off the second factor; safe to repeat."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    session.execute(delete(SecondFactor).where(SecondFactor.operator_id == operator_id))


def _confirmed(session: Session, operator_id: str, *, lock: bool = False) -> SecondFactor | None:
    query = select(SecondFactor).where(
        SecondFactor.operator_id == operator_id, SecondFactor.confirmed_at.is_not(None)
    )
    return session.scalar(query.with_for_update() if lock else query)


def _waiting(
    gateway: Gateway, session: Session, operator_id: str, *, lock: bool = False
) -> SecondFactor | None:
    query = select(SecondFactor).where(
        SecondFactor.operator_id == operator_id,
        SecondFactor.confirmed_at.is_(None),
        SecondFactor.started_at > gateway.wall_now() - START_LASTS,
    )
    return session.scalar(query.with_for_update() if lock else query)


def _step_of(gateway: Gateway, factor: SecondFactor, code: str) -> int | None:
    """The time step of the code; None unless it is close to now and later than the last one used."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    totp, now = pyotp.HOTP(_secret(gateway, factor), digits=DIGITS), _step_at(gateway.wall_now())
    for step in range(now - STEPS_OFF, now + STEPS_OFF + 1):
        if step > factor.last_step and hmac.compare_digest(totp.at(step), typed):
            return step
    return None


def _step_at(instant: datetime) -> int:
    return int(instant.timestamp()) // STEP_SECONDS


def _secret(gateway: Gateway, factor: SecondFactor) -> str:
    return gateway.cipher.decrypt(factor.secret_encrypted, _owner(factor.operator_id))


def _owner(operator_id: str) -> str:
    return f"second-factor:{operator_id}"


def _make_recovery_codes(session: Session, operator_id: str) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(operator_id=operator_id, code_hash=_digest_of_typed(code)) for code in codes)
    return codes


def _recovery_code() -> str:
    """abcd-efgh-ijkl-mnop: 80 bits, in characters that are hard to confuse."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_OCTETS)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest_of_typed(code: str) -> str:
    """Ignores spaces, dashes and capitals, because people type these codes from paper."""
    plain = "".join(character for character in code.lower() if character.isalnum())
    return digest(plain)
