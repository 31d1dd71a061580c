"""Requests as a MikroTik sends them, written as records for the load generator (see load.c)."""

from __future__ import annotations

import ipaddress
import random
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import md5

from radius_svc.domain import mschap

from tests.benchmarks.radius.population import CALLED_STATION, PORT_ID, Population, Subscriber

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
MICROSOFT = 311
WRONG_EVERY = 50
MAX_MISTYPED = 4
MESSAGE_AUTHENTICATOR = bytes((80, 18)) + bytes(16)
GIBIBYTES_4 = 1 << 32


class Method(StrEnum):
    PAP = "PAP"
    CHAP = "CHAP"
    MSCHAP = "MS-CHAPv1"
    MSCHAP2 = "MS-CHAPv2"


class Report(StrEnum):
    """Acct-Status-Type."""

    START = "Start"
    INTERIM = "Interim"
    STOP = "Stop"
    ON = "Accounting-On"
    OFF = "Accounting-Off"


STATUS_TYPES = {Report.START: 1, Report.STOP: 2, Report.INTERIM: 3, Report.ON: 7, Report.OFF: 8}


@dataclass(frozen=True)
class Request:
    """A packet without identifier, signature and, in accounting, authenticator."""

    packet: bytes
    expected: int
    client: int
    signature: int = 0
    follows: bool = False

    def record(self) -> bytes:
        head = struct.pack(
            "<HHBBBB", len(self.packet), self.signature, self.expected, self.client, self.follows, 0
        )
        return head + self.packet


class Dialler:
    """Writes requests of a population. The same seed gives the same requests."""

    def __init__(self, population: Population, seed: int = 1) -> None:
        self._population = population
        self._random = random.Random(seed)

    def dials(self, method: Method, times: int, among: int | None = None) -> Iterator[Request]:
        """Dial-ins of everyone, `times` times in different orders.

        One in fifty has a wrong password, but nobody often enough for a delayed answer.

        `among` draws the same number from the first subscribers only.
        """
        people = self._population.subscribers[:among]
        mistyped: Counter[str] = Counter()
        for _ in range(times):
            for number, subscriber in enumerate(self._random.sample(people, len(people))):
                name = subscriber.username
                is_right = number % WRONG_EVERY != WRONG_EVERY - 1 or mistyped[name] == MAX_MISTYPED
                mistyped[name] += not is_right
                yield self.dial(method, subscriber, is_right=is_right)

    def dial(self, method: Method, subscriber: Subscriber, *, is_right: bool = True) -> Request:
        password = subscriber.password if is_right else subscriber.password + "x"
        authenticator = self._random.randbytes(16)
        secret = subscriber.router.secret.encode()
        session_id = self._population.session_id(subscriber, self._population.new_generation)
        attributes = b"".join(
            (
                _line(subscriber, session_id),
                self._credentials(method, subscriber.username, password, authenticator, secret),
                MESSAGE_AUTHENTICATOR,
            )
        )
        packet = _packet(ACCESS_REQUEST, authenticator, attributes)
        expected = ACCESS_ACCEPT if is_right else ACCESS_REJECT
        return Request(packet, expected, subscriber.router.number, signature=len(packet) - 16)

    def reports(self, kind: Report, people: Iterable[Subscriber], generation: int) -> Iterator[Request]:
        """Reports about one session of each subscriber."""
        for subscriber in people:
            yield self.report(kind, subscriber, generation)

    def report(
        self, kind: Report, subscriber: Subscriber, generation: int, *, follows: bool = False
    ) -> Request:
        session_id = self._population.session_id(subscriber, generation)
        parts = [
            _number(40, STATUS_TYPES[kind]),
            _line(subscriber, session_id),
            _number(45, 1),  # Acct-Authentic: RADIUS
            _address(8, subscriber.address),
            _number(41, 0),  # Acct-Delay-Time
        ]
        if kind is not Report.START:
            upload = GIBIBYTES_4 + self._random.randrange(GIBIBYTES_4)
            parts.append(_counters(600, upload, 3 * upload))
        if kind is Report.STOP:
            parts.append(_number(49, 1))  # Acct-Terminate-Cause: User-Request
        packet = _packet(ACCOUNTING_REQUEST, bytes(16), b"".join(parts))
        return Request(packet, ACCOUNTING_RESPONSE, subscriber.router.number, follows=follows)

    def restarts(self, kind: Report) -> Iterator[Request]:
        """Accounting-On or -Off from every router."""
        for router in self._population.clients:
            attributes = (
                _number(40, STATUS_TYPES[kind]) + _text(32, router.name) + _address(4, router.address)
            )
            packet = _packet(ACCOUNTING_REQUEST, bytes(16), attributes)
            yield Request(packet, ACCOUNTING_RESPONSE, router.number)

    def redials(self, people: Iterable[Subscriber], generation: int) -> Iterator[Request]:
        """A dial-in and, once it is accepted, the Start of a session with a new id."""
        for subscriber in people:
            yield self.dial(Method.MSCHAP2, subscriber)
            yield self.report(Report.START, subscriber, generation, follows=True)

    def _credentials(
        self, method: Method, username: str, password: str, authenticator: bytes, secret: bytes
    ) -> bytes:
        if method is Method.PAP:
            return _attribute(2, _hidden(password.encode(), authenticator, secret))
        if method is Method.CHAP:
            challenge = self._random.randbytes(16)
            digest = md5(b"\x01" + password.encode() + challenge).digest()
            return _attribute(3, b"\x01" + digest) + _attribute(60, challenge)
        nt_hash = _nt_hash(password)
        if method is Method.MSCHAP:
            challenge = self._random.randbytes(8)
            response = bytes((1, 1)) + bytes(24) + mschap.challenge_response(challenge, nt_hash)
            return _microsoft(11, challenge) + _microsoft(1, response)
        challenge, peer_challenge = self._random.randbytes(16), self._random.randbytes(16)
        signed = mschap.challenge_hash(peer_challenge, challenge, username.encode())
        response = bytes((1, 0)) + peer_challenge + bytes(8) + mschap.challenge_response(signed, nt_hash)
        return _microsoft(11, challenge) + _microsoft(25, response)


@lru_cache(maxsize=200_000)
def _nt_hash(password: str) -> bytes:
    return mschap.nt_password_hash(password)


def _hidden(password: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """RFC 2865 section 5.2."""
    padded = password + bytes(-len(password) % 16)
    hidden, previous = b"", authenticator
    for start in range(0, len(padded), 16):
        mask = md5(secret + previous).digest()
        previous = bytes(a ^ b for a, b in zip(padded[start : start + 16], mask, strict=True))
        hidden += previous
    return hidden


def _line(subscriber: Subscriber, session_id: str) -> bytes:
    """The attributes of every packet about a session."""
    return b"".join(
        (
            _number(6, 2),  # Service-Type: Framed
            _number(7, 1),  # Framed-Protocol: PPP
            _number(5, subscriber.nas_port),
            _number(61, 15),  # NAS-Port-Type: Ethernet
            _text(1, subscriber.username),
            _text(31, subscriber.mac),
            _text(30, CALLED_STATION),
            _text(87, PORT_ID),
            _text(44, session_id),
            _text(32, subscriber.router.name),
            _address(4, subscriber.router.address),
        )
    )


def _counters(seconds: int, upload: int, download: int) -> bytes:
    parts = [_number(46, seconds)]
    for low, high, packets, octets in ((42, 52, 47, upload), (43, 53, 48, download)):
        parts += [_number(low, octets % GIBIBYTES_4), _number(high, octets // GIBIBYTES_4)]
        parts.append(_number(packets, octets // 1000))
    return b"".join(parts)


def _packet(code: int, authenticator: bytes, attributes: bytes) -> bytes:
    return struct.pack(">BBH16s", code, 0, 20 + len(attributes), authenticator) + attributes


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, 2 + len(value))) + value


def _microsoft(kind: int, value: bytes) -> bytes:
    return _attribute(26, struct.pack(">I", MICROSOFT) + _attribute(kind, value))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode())


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _address(kind: int, value: str) -> bytes:
    return _attribute(kind, ipaddress.IPv4Address(value).packed)
