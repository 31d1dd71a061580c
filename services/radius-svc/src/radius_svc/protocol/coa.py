"""CoA-Request and Disconnect-Request to a NAS (RFC 5176), and its answer as a value."""

from __future__ import annotations

import hmac
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from struct import pack, unpack_from

from contracts.radius import RequestKind, RequestOutcome

from radius_svc.protocol.packet import MESSAGE_AUTHENTICATOR, attribute

DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
COA_REQUEST, COA_ACK, COA_NAK = 43, 44, 45
ERROR_CAUSE = 101
CODES = {
    RequestKind.DISCONNECT: (DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK),
    RequestKind.COA: (COA_REQUEST, COA_ACK, COA_NAK),
    RequestKind.PROBE: (COA_REQUEST, COA_ACK, COA_NAK),
}
# The same packet, identifier and authenticator each time: to the NAS a repetition, not a second request.
WAITS_SECONDS = (0.5, 1.0, 2.0)
ZEROS = bytes(16)


@dataclass(frozen=True)
class Target:
    """Where a NAS listens, and the secret it shares with us. `label` names it in metrics."""

    address: str
    port: int
    secret: bytes = field(repr=False)
    label: str = ""


@dataclass(frozen=True)
class Answer:
    """`tries` is how often the packet was sent."""

    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: datetime
    answered_at: datetime | None
    tries: int = 0


def send(kind: RequestKind, target: Target, attributes: bytes, *, now: Callable[[], datetime]) -> Answer:
    """Ask and wait, at most 3.5 seconds. Never raises: what cannot be sent is an answer too."""
    request, accepted, refused = CODES[kind]
    packet = _signed(request, attributes, target.secret)
    sent_at = now()
    try:
        reply, tries = _exchange(packet, target, (accepted, refused))
    except (OSError, OverflowError) as error:  # a port above 65535 is an OverflowError
        return unsent(error, sent_at)
    if reply is None:
        return Answer(RequestOutcome.TIMED_OUT, None, "no answer", sent_at, None, tries)
    if reply[0] == accepted:
        return Answer(RequestOutcome.ACKED, None, "", sent_at, now(), tries)
    cause = _error_cause(reply)
    return Answer(RequestOutcome.NACKED, cause, f"Error-Cause {cause}", sent_at, now(), tries)


def unsent(error: Exception, at: datetime) -> Answer:
    """The answer to what cannot be sent: to us a router that does not answer."""
    return Answer(RequestOutcome.TIMED_OUT, None, f"could not be sent: {error}", at, None)


def _exchange(packet: bytes, target: Target, codes: tuple[int, int]) -> tuple[bytes | None, int]:
    """The genuine answer, and after how many tries it came."""
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((target.address, target.port))
        for tries, wait in enumerate(WAITS_SECONDS, start=1):
            reply = _try_once(sock, packet, target.secret, codes, wait)
            if reply is not None:
                return reply, tries
    return None, len(WAITS_SECONDS)


def _try_once(
    sock: socket.socket, packet: bytes, secret: bytes, codes: tuple[int, int], wait: float
) -> bytes | None:
    deadline = time.monotonic() + wait
    try:
        sock.send(packet)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            reply = sock.recv(4096)
            if _is_answer_to(packet, reply, secret) and reply[0] in codes:
                return reply
    except TimeoutError:
        pass
    except ConnectionRefusedError:
        # Nothing listens there (ICMP said so). It is a silence like any other: it may come up.
        time.sleep(max(0.0, deadline - time.monotonic()))
    return None


def _is_answer_to(packet: bytes, reply: bytes, secret: bytes) -> bool:
    """RFC 5176 2.3: the Response Authenticator covers the request's."""
    if len(reply) < 20 or reply[1] != packet[1] or unpack_from("!H", reply, 2)[0] != len(reply):
        return False
    expected = _md5(reply[:4] + packet[4:20] + reply[20:] + secret)
    return hmac.compare_digest(expected, reply[4:20])


def _signed(code: int, attributes: bytes, secret: bytes) -> bytes:
    """RFC 5176 2.3 and 3.4: Message-Authenticator over zeros, then the Request Authenticator over all."""
    identifier = os.urandom(1)[0]
    header = pack("!BBH", code, identifier, 20 + 18 + len(attributes))
    unsigned = attribute(MESSAGE_AUTHENTICATOR, ZEROS) + attributes
    signature = hmac.digest(secret, header + ZEROS + unsigned, "md5")
    body = attribute(MESSAGE_AUTHENTICATOR, signature) + attributes
    return header + _md5(header + ZEROS + body + secret) + body


def _error_cause(reply: bytes) -> int | None:
    at = 20
    while at + 2 <= len(reply) and reply[at + 1] >= 2:
        kind, length = reply[at], reply[at + 1]
        if kind == ERROR_CAUSE and length == 6:
            return int.from_bytes(reply[at + 2 : at + 6], "big")
        at += length
    return None


def _md5(octets: bytes) -> bytes:
    return md5(octets, usedforsecurity=False).digest()
