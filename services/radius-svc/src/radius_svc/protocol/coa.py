"""Sends CoA-Requests and Disconnect-Requests to a NAS (RFC 5176)."""

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
# Each try sends the same packet, so that the NAS recognizes a retransmission.
WAITS_SECONDS = (0.5, 1.0, 2.0)
ZEROS = bytes(16)


@dataclass(frozen=True)
class Target:
    """Where a NAS receives requests, and the secret it shares with us. `label` identifies it in metrics."""

    address: str
    port: int
    secret: bytes = field(repr=False)
    label: str = ""


@dataclass(frozen=True)
class CoaResult:
    """The answer of a NAS, or why there is none. `tries` is how often the packet was sent."""

    outcome: RequestOutcome
    error_cause: int | None
    detail: str
    sent_at: datetime
    answered_at: datetime | None
    tries: int = 0


def send(kind: RequestKind, target: Target, attributes: bytes, *, now: Callable[[], datetime]) -> CoaResult:
    """Send a request and wait for the answer, at most 3.5 seconds.

    Does not raise: if the packet cannot be sent, the result says so. `now` supplies the times in it.
    """
    request, accepted, refused = CODES[kind]
    packet = _signed(request, attributes, target.secret)
    sent_at = now()
    try:
        reply, tries = _exchange(packet, target, (accepted, refused))
    except (OSError, OverflowError) as error:  # a port above 65535 is an OverflowError
        return unsent(error, sent_at)
    if reply is None:
        return CoaResult(RequestOutcome.TIMED_OUT, None, "no answer", sent_at, None, tries)
    if reply[0] == accepted:
        return CoaResult(RequestOutcome.ACKED, None, "", sent_at, now(), tries)
    cause = _error_cause(reply)
    return CoaResult(RequestOutcome.NACKED, cause, f"Error-Cause {cause}", sent_at, now(), tries)


def unsent(error: Exception, at: datetime) -> CoaResult:
    """The result for a request that cannot be sent. It counts like a router that is not answering."""
    return CoaResult(RequestOutcome.TIMED_OUT, None, f"could not be sent: {error}", at, None)


def _exchange(packet: bytes, target: Target, codes: tuple[int, int]) -> tuple[bytes | None, int]:
    """The genuine answer, or None, and how often the packet was sent."""
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
        # ICMP says that no process listens there. It may start, so wait as if there were no answer.
        time.sleep(max(0.0, deadline - time.monotonic()))
    return None


def _is_answer_to(packet: bytes, reply: bytes, secret: bytes) -> bool:
    """Whether the Response Authenticator is right for the request (RFC 5176 section 2.3)."""
    if len(reply) < 20 or reply[1] != packet[1] or unpack_from("!H", reply, 2)[0] != len(reply):
        return False
    expected = _md5(reply[:4] + packet[4:20] + reply[20:] + secret)
    return hmac.compare_digest(expected, reply[4:20])


def _signed(code: int, attributes: bytes, secret: bytes) -> bytes:
    """A signed packet: a Message-Authenticator over zeros, then the Request Authenticator over everything.

    RFC 5176 sections 2.3 and 3.4.
    """
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
