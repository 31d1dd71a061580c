"""RADIUS packets as a MikroTik writes and reads them, with pyrad."""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import (
    CoAACK,
    CoANAK,
    CoAPacket,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    PacketError,
)

from simulators.mschap_client import MsChap2Exchange

DICTIONARY = Dictionary(str(Path(__file__).with_name("dictionary.radius")))
MAX_PACKET_OCTETS = 4096  # RFC 2865 section 3

# Values of Error-Cause, RFC 5176 section 3.5
MISSING_ATTRIBUTE = 402
NAS_IDENTIFICATION_MISMATCH = 403
SESSION_NOT_FOUND = 503


class Method(StrEnum):
    """How a home router proves its password."""

    PAP = "pap"
    CHAP = "chap"
    MSCHAP2 = "mschap2"


def first(attributes: Any, name: str) -> Any | None:
    """The first value of the attribute, or None if there is none."""
    values = attributes[name] if name in attributes else None  # noqa: SIM401 - pyrad has its own get()
    return values[0] if values else None


def add_attributes(request: Any, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        request[name] = value


def add_proof(request: Any, username: str, password: str, method: Method) -> MsChap2Exchange | None:
    """Add the attributes that prove the password. Returns the exchange if the server must prove it too."""
    if method is Method.PAP:
        request["User-Password"] = request.PwCrypt(password)
        return None
    if method is Method.CHAP:
        ident, challenge = b"\x01", os.urandom(16)
        digest = hashlib.md5(ident + password.encode() + challenge).digest()  # noqa: S324 - RFC 1994
        request["CHAP-Challenge"] = challenge
        request["CHAP-Password"] = ident + digest
        return None
    exchange = MsChap2Exchange.begin(username, password)
    request["MS-CHAP-Challenge"] = exchange.authenticator_challenge
    request["MS-CHAP2-Response"] = exchange.response_attribute()
    return exchange


def error_text(attributes: dict[str, list[Any]]) -> str:
    """The reason that an Access-Reject gives, or an empty string."""
    error = first(attributes, "MS-CHAP-Error")
    if error is not None:
        return str(error[1:].decode("ascii", "replace"))
    return str(first(attributes, "Reply-Message") or "")


def mppe_keys(attributes: dict[str, list[Any]]) -> tuple[bytes, bytes] | None:
    """The keys that the subscriber sends and receives with: the NAS's receive and send keys."""
    receive, send = first(attributes, "MS-MPPE-Recv-Key"), first(attributes, "MS-MPPE-Send-Key")
    return None if receive is None or send is None else (receive, send)


def read_coa_request(octets: bytes, secret: bytes) -> Any | None:
    """The CoA-Request or Disconnect-Request, or None if it is malformed or not signed with the secret."""
    try:
        request = CoAPacket(secret=secret, dict=DICTIONARY, packet=octets)
    except PacketError:
        return None
    if request.code not in (CoARequest, DisconnectRequest) or not request.VerifyCoARequest():
        return None
    if request.message_authenticator and not request.verify_message_authenticator():
        return None
    return request


def coa_reply(request: Any, error_cause: int | None) -> bytes:
    """An ACK, or a NAK if there is an error cause."""
    reply = request.CreateReply()
    if request.code == DisconnectRequest:
        reply.code = DisconnectACK if error_cause is None else DisconnectNAK
    else:
        reply.code = CoAACK if error_cause is None else CoANAK
    if error_cause is not None:
        reply["Error-Cause"] = error_cause
    return bytes(reply.ReplyPacket())


def mac_of(username: str) -> str:
    """A MAC address in capitals, always the same for the same login."""
    digest = hashlib.sha256(username.encode()).digest()
    return ":".join(f"{octet:02X}" for octet in (0x02, *digest[:5]))
