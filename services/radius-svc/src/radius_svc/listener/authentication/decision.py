"""Decides whether to accept a login and with which attributes. Reads, writes and sends nothing."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contracts.radius import RejectReason
from servicekit.secrets import DecryptionFailed

from radius_svc.domain import mschap
from radius_svc.listener.index.entries import Index, Login
from radius_svc.protocol.packet import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    MICROSOFT,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_ERROR,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    USER_NAME,
    USER_PASSWORD,
    Malformed,
    Request,
    vendor_attribute,
)
from radius_svc.protocol.signing import SharedSecret, md5, two_salts

# Decrypts RadiusAccount.password_encrypted: (token, service id) -> password in clear.
Decrypt = Callable[[str, str], str]

_CHAP_PASSWORD_LENGTH: Final = 17
_MS_CHAP_RESPONSE_LENGTH: Final = 50
# Old routers send passwords in Latin-1. More letters than this beyond ASCII are not a password.
_MAX_LATIN1_LETTERS: Final = 4
_USE_NT_RESPONSE: Final = 1  # RFC 2548 section 2.1.3, Flags

# RFC 2548 sections 2.4.4 and 2.4.5: encryption is allowed but not required, with 40 or 128 bits.
_ENCRYPTION: Final = vendor_attribute(
    MICROSOFT, MS_MPPE_ENCRYPTION_POLICY, (1).to_bytes(4, "big")
) + vendor_attribute(MICROSOFT, MS_MPPE_ENCRYPTION_TYPES, (6).to_bytes(4, "big"))

# The attributes of an MS-CHAPv2 Accept have fixed lengths, so their headers are made once. The values are the
# ident and `S=` with 40 digits, or the salt, the key's length and the key in two blocks.
_MS_CHAP2_SUCCESS: Final = vendor_attribute(MICROSOFT, MS_CHAP2_SUCCESS, bytes(43))[:-43]
_MS_MPPE_RECV_KEY: Final = vendor_attribute(MICROSOFT, MS_MPPE_RECV_KEY, bytes(34))[:-34]
_MS_MPPE_SEND_KEY: Final = vendor_attribute(MICROSOFT, MS_MPPE_SEND_KEY, bytes(34))[:-34]


class Accept:
    """The login is right. `username` is the key of `login` in the index."""

    __slots__ = ("attributes", "login", "username")

    def __init__(self, username: str, login: Login, attributes: bytes) -> None:
        self.username, self.login, self.attributes = username, login, attributes


@dataclass(slots=True)
class Reject:
    """The login is refused for this reason."""

    reason: RejectReason
    attributes: bytes = b""


def authenticate(request: Request, secret: SharedSecret, index: Index, decrypt: Decrypt) -> Accept | Reject:
    """Decide on an Access-Request whose sender is known and whose signature, if any, was verified.

    Raises Malformed if there is no User-Name, or if a password attribute has a wrong length.
    """
    name = request.attributes.get(USER_NAME)
    if not name:
        raise Malformed("no user name")
    username = name.decode("utf-8", "surrogateescape")  # no login matches a name that is not UTF-8
    login = index.logins.get(username)
    method = _method(request)
    if method is None:
        return Reject(RejectReason.UNSUPPORTED_METHOD)
    outcome = method(request, secret, name, login, decrypt)
    if isinstance(outcome, RejectReason):
        return Reject(outcome, refusal(request))
    assert login is not None  # no method accepts a login that does not exist
    reply = index.groups.reply_for(login)
    if reply.refused:
        return Reject(RejectReason.SUSPENDED, refusal(request))
    return Accept(username, login, reply.attributes + outcome)


Method = Callable[[Request, SharedSecret, bytes, Login | None, Decrypt], "bytes | RejectReason"]


def _method(request: Request) -> Method | None:
    """The method the packet uses; None for an unknown one. Methods return the attributes for the Accept."""
    if request.vendor_attributes:
        if (MICROSOFT, MS_CHAP2_RESPONSE) in request.vendor_attributes:
            return _mschap_v2
        if (MICROSOFT, MS_CHAP_RESPONSE) in request.vendor_attributes:
            return _mschap_v1
    if CHAP_PASSWORD in request.attributes:
        return _chap
    if USER_PASSWORD in request.attributes:
        return _pap
    return None


def _pap(
    request: Request, secret: SharedSecret, _name: bytes, login: Login | None, _decrypt: Decrypt
) -> bytes | RejectReason:
    octets = request.decrypted_password(secret)
    nt_hash = _nt_hash(login)
    if isinstance(nt_hash, RejectReason):
        return nt_hash
    try:
        password = octets.decode()
    except UnicodeDecodeError:
        password = octets.decode("latin-1")  # as old home routers send it
    if hmac.compare_digest(mschap.nt_password_hash(password), nt_hash):
        return b""
    return RejectReason.WRONG_PASSWORD if request.is_signed else _wrong_password_or_secret(octets)


def _wrong_password_or_secret(octets: bytes) -> RejectReason:
    """Guess whether the sender of an unsigned request has a wrong secret, or the subscriber a wrong password.

    With a wrong secret the password decrypts to noise. People do not type control characters, nor many
    letters that are not UTF-8. One in a thousand passwords decrypted with a wrong secret has neither.
    """
    noise = any(octet < 0x20 or octet == 0x7F for octet in octets)
    strange = sum(octet > 0x7F for octet in octets) > _MAX_LATIN1_LETTERS and not _is_utf8(octets)
    return RejectReason.SECRET_MISMATCH if noise or strange else RejectReason.WRONG_PASSWORD


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _chap(
    request: Request, _secret: SharedSecret, _name: bytes, login: Login | None, decrypt: Decrypt
) -> bytes | RejectReason:
    """CHAP (RFC 2865 sections 2.2 and 5.3), the only method that needs the password in clear."""
    response = request.attributes[CHAP_PASSWORD]
    if len(response) != _CHAP_PASSWORD_LENGTH:
        raise Malformed("bad chap password length")
    if login is None:
        return RejectReason.UNKNOWN_USER
    try:
        password = decrypt(login.password_encrypted, login.service_id)
    except DecryptionFailed:
        return RejectReason.PASSWORD_UNREADABLE
    challenge = request.attributes.get(CHAP_CHALLENGE, request.authenticator)
    expected = md5(response[:1] + password.encode() + challenge).digest()
    return b"" if hmac.compare_digest(expected, response[1:]) else RejectReason.WRONG_PASSWORD


def _mschap_v1(
    request: Request, secret: SharedSecret, _name: bytes, login: Login | None, _decrypt: Decrypt
) -> bytes | RejectReason:
    """MS-CHAPv1: ident, flags, LM response (24), NT response (24) (RFC 2548 section 2.1.3).

    The LM response is never used.
    """
    response = _ms_chap_response(request, MS_CHAP_RESPONSE)
    challenge = _ms_chap_challenge(request, 8)
    if response[1] != _USE_NT_RESPONSE:
        return RejectReason.UNSUPPORTED_METHOD
    nt_hash = _nt_hash(login)
    if isinstance(nt_hash, RejectReason):
        return nt_hash
    if not mschap.response_is_right(challenge, response[26:], nt_hash):
        return RejectReason.WRONG_PASSWORD
    # The LM key (zeros, because no LM password is stored) and the NT key.
    keys = secret.hidden_keys(bytes(8) + mschap.hash_nt_password_hash(nt_hash), request.authenticator)
    return vendor_attribute(MICROSOFT, MS_CHAP_MPPE_KEYS, keys) + _ENCRYPTION


def _mschap_v2(
    request: Request, secret: SharedSecret, name: bytes, login: Login | None, _decrypt: Decrypt
) -> bytes | RejectReason:
    """MS-CHAPv2: ident, flags, peer challenge (16), reserved (8), response (24) (RFC 2548 section 2.3.2)."""
    response = _ms_chap_response(request, MS_CHAP2_RESPONSE)
    challenge = _ms_chap_challenge(request, 16)
    nt_hash = _nt_hash(login)
    if isinstance(nt_hash, RejectReason):
        return nt_hash
    nt_response = response[26:]
    signed = mschap.challenge_hash(response[2:18], challenge, name)
    if not mschap.response_is_right(signed, nt_response, nt_hash):
        return RejectReason.WRONG_PASSWORD
    success = mschap.authenticator_response(signed, nt_response, nt_hash)
    send_key, receive_key = mschap.mppe_send_and_receive_keys(nt_hash, nt_response)
    salts = two_salts()
    authenticator = request.authenticator
    return b"".join(
        (
            _MS_CHAP2_SUCCESS,
            response[:1],
            success,
            _MS_MPPE_RECV_KEY,
            secret.hidden_key(receive_key, salts[0], authenticator),
            _MS_MPPE_SEND_KEY,
            secret.hidden_key(send_key, salts[1], authenticator),
            _ENCRYPTION,
        )
    )


def _nt_hash(login: Login | None) -> bytes | RejectReason:
    if login is None:
        return RejectReason.UNKNOWN_USER
    return login.nt_hash or RejectReason.NO_PASSWORD_STORED


def _ms_chap_response(request: Request, kind: int) -> bytes:
    response = request.vendor_attributes[MICROSOFT, kind]
    if len(response) != _MS_CHAP_RESPONSE_LENGTH:
        raise Malformed("bad ms-chap response length")
    return response


def _ms_chap_challenge(request: Request, length: int) -> bytes:
    challenge = request.vendor_attributes.get((MICROSOFT, MS_CHAP_CHALLENGE), b"")
    if len(challenge) != length:
        raise Malformed("bad ms-chap challenge length")
    return challenge


def refusal(request: Request) -> bytes:
    """The attributes of a Reject: MS-CHAP-Error if the request used MS-CHAP (RFC 2433 section 9, RFC 2759 6).

    691 is "authentication failure". R=0 means that a retry needs a new challenge, which is C. V is the
    version of the change-password packet.
    """
    for kind, challenge_octets, version in ((MS_CHAP2_RESPONSE, 16, 3), (MS_CHAP_RESPONSE, 8, 2)):
        response = request.vendor_attributes.get((MICROSOFT, kind))
        if response is not None:
            challenge = os.urandom(challenge_octets).hex().upper()
            text = f"E=691 R=0 C={challenge} V={version} M=Authentication failed"
            return vendor_attribute(MICROSOFT, MS_CHAP_ERROR, response[:1] + text.encode())
    return b""
