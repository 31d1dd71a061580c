"""Single requests from Python: is a server up, and what exactly does it answer?"""

from __future__ import annotations

import hmac
import socket
import struct
from hashlib import md5

from radius_svc.domain import mschap

from tests.benchmarks.radius.packets import ACCESS_ACCEPT, MICROSOFT, Dialler, Method, Request
from tests.benchmarks.radius.population import Population

PATIENCE_SECONDS = 0.3
# A server that assigns requests to workers by identifier has used every worker after this many.
IDENTIFIERS_ASKED = 8
MESSAGE_AUTHENTICATOR = 80
VENDOR_SPECIFIC = 26
# Encrypted, salted and proof attributes differ in each answer.
NEVER_ALIKE = {(MICROSOFT, 12), (MICROSOFT, 16), (MICROSOFT, 17), (MICROSOFT, 26), (0, MESSAGE_AUTHENTICATOR)}
# (vendor, type) to the sorted values
Attributes = dict[tuple[int, int], list[bytes]]


class Asker:
    """Sends requests for the first subscriber from the address of their router."""

    def __init__(self, population: Population) -> None:
        self._subscriber = population.subscribers[0]
        self._dialler = Dialler(population, seed=2)

    def is_answered(self, auth_port: int, identifier: int = 0) -> bool:
        request = self._dialler.dial(Method.PAP, self._subscriber)
        return self._ask(request, auth_port, identifier) is not None

    def wait_for_every_worker(self, auth_port: int) -> None:
        """Raises AssertionError if a worker does not answer."""
        for identifier in range(IDENTIFIERS_ASKED):
            tries = (self.is_answered(auth_port, identifier) for _ in range(20))
            assert any(tries), f"no answer to identifier {identifier}"

    def accepted_with(self, method: Method, auth_port: int) -> Attributes:
        """The attributes of the Access-Accept that two servers can have in common.

        Raises AssertionError if it is not a genuine Access-Accept."""
        request = self._dialler.dial(method, self._subscriber)
        answer = self._ask(request, auth_port, identifier=1)
        assert answer is not None and answer[0] == ACCESS_ACCEPT, f"{method} was not accepted"
        attributes = _read(answer[20:])
        assert (0, MESSAGE_AUTHENTICATOR) in attributes, f"the answer to {method} is not signed"
        if method is Method.MSCHAP2:
            assert self._proves_the_password(request.packet, attributes[MICROSOFT, 26][0])
        return {
            kind: [b"..."] * len(values) if kind in NEVER_ALIKE else values
            for kind, values in sorted(attributes.items())
        }

    def _proves_the_password(self, request: bytes, success: bytes) -> bool:
        """RFC 2759 section 8.7."""
        asked = _read(request[20:])
        challenge, response = asked[MICROSOFT, 11][0], asked[MICROSOFT, 25][0]
        name = self._subscriber.username.encode()
        signed = mschap.challenge_hash(response[2:18], challenge, name)
        nt_hash = mschap.nt_password_hash(self._subscriber.password)
        return success[1:43] == mschap.authenticator_response(signed, response[26:], nt_hash)

    def _ask(self, request: Request, port: int, identifier: int) -> bytes | None:
        """The answer, or None if none arrives in time. Raises AssertionError if it is forged."""
        secret = self._subscriber.router.secret.encode()
        packet = bytearray(request.packet)
        packet[1] = identifier
        packet[request.signature :] = hmac.digest(secret, bytes(packet), "md5")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((self._subscriber.router.address, 0))
            sock.settimeout(PATIENCE_SECONDS)
            try:
                sock.connect(("127.0.0.1", port))
                sock.send(packet)
                answer = sock.recv(4096)
            except (TimeoutError, ConnectionRefusedError):
                return None
        signed = answer[:4] + packet[4:20] + answer[20:] + secret
        assert md5(signed).digest() == answer[4:20], "a forged answer"
        return answer


def _read(octets: bytes) -> Attributes:
    found: Attributes = {}
    for kind, value in _split(octets):
        if kind == VENDOR_SPECIFIC:
            (vendor,) = struct.unpack(">I", value[:4])
            for vendor_kind, vendor_value in _split(value[4:]):
                found.setdefault((vendor, vendor_kind), []).append(vendor_value)
        else:
            found.setdefault((0, kind), []).append(value)
    return {kind: sorted(values) for kind, values in found.items()}


def _split(octets: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at < len(octets):
        length = octets[at + 1]
        assert 2 <= length <= len(octets) - at, "an attribute is broken"
        found.append((octets[at], octets[at + 2 : at + length]))
        at += length
    return found
