"""Mutated packets: none crashes the receiver, and none is accepted that should not be.

ISPOS_FUZZ_PACKETS is the number of packets (default 20,000, half for each kind of signature). Releases are
tested with 1,000,000.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import struct
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from pyrad.packet import AuthPacket
from simulators.mschap_client import MsChap2Exchange
from simulators.nas import DICTIONARY, Method

from .conftest import SECRET, SENDER, access_octets, accounting_octets, later, mutated

PACKETS = int(os.environ.get("ISPOS_FUZZ_PACKETS") or 20_000)
PASSWORD = "clientPass"
ACCEPT, REJECT, ACCOUNTING_RESPONSE, STATUS_SERVER = 2, 3, 5, 12
MESSAGE_AUTHENTICATOR = bytes((80, 18))


@pytest.fixture(autouse=True)
def no_packet_is_an_error(authentication, accounting):
    """Check the count of errors, because a receiver catches and counts all errors of a packet."""
    before = _errors()
    yield
    authentication._tally.flush_now()
    accounting._tally.flush_now()
    assert _errors() == before


def test_no_mutated_packet_has_a_right_signature(authentication, accounting, sock, store):
    dice = random.Random(5997)
    seeds = [access_octets(method) for method in Method] + [accounting_octets()]
    for number in range(PACKETS // 2):
        octets = mutated(dice, dice.choice(seeds))
        if not any(octets.startswith(seed) for seed in seeds):  # what follows a whole packet is padding
            receiver = accounting if octets[:1] == b"\x04" or number % 2 else authentication
            receiver.handle(octets, SENDER)
    later(accounting)

    assert sock.sent == []
    assert store.events == []


@pytest.mark.timeout(1200)
def test_signed_nonsense_lets_nobody_in_without_the_password(authentication, sock):
    """Each mutated packet is signed again, so it is read to the end.

    All that are accepted have the password.
    """
    dice = random.Random(2865)
    seeds = [access_octets(method) for method in Method]
    let_in = refused = 0
    for number in range(PACKETS // 2):
        octets = signed(with_authenticator_of(number, mutated(dice, dice.choice(seeds))))
        authentication.handle(octets, SENDER)
        for reply, _ in answers_of(sock):
            let_in += reply[0] == ACCEPT
            refused += reply[0] == REJECT
            if reply[0] == ACCEPT and octets[0] != STATUS_SERVER:
                assert knew_the_password(octets), octets.hex()
        if number % 1000 == 0:
            later(authentication)
            sock.sent.clear()

    assert refused > PACKETS // 100
    assert let_in > 0  # if the mutation changed only an attribute that does not matter


@pytest.mark.timeout(600)
def test_signed_accounting_nonsense_is_stored_or_dropped(accounting, sock):
    dice = random.Random(2866)
    seeds = [
        accounting_octets(status=status) for status in ("Start", "Interim-Update", "Stop", "Accounting-On")
    ]
    for number in range(PACKETS // 10):
        octets = bytearray(mutated(dice, dice.choice(seeds)))
        if len(octets) >= 20:
            octets[0] = 4
            octets[1] = number % 256
            octets[4:20] = bytes(16)
            octets[4:20] = hashlib.md5(bytes(octets) + SECRET).digest()
        accounting.handle(bytes(octets), SENDER)
    later(accounting)

    assert sock.sent
    assert {reply[0] for reply, _ in sock.sent} == {ACCOUNTING_RESPONSE}


def with_authenticator_of(number: int, octets: bytes) -> bytes:
    """Give the packet a new authenticator, so that it is not a retransmission.

    CHAP challenges and hidden passwords depend on the authenticator, so it is kept if one of them must be
    right.
    """
    return octets[:1] + bytes((number % 256,)) + octets[2:]


def signed(octets: bytes) -> bytes:
    """The packet with a right Message-Authenticator, if it has a complete one."""
    at = _signature_at(octets)
    if at is None:
        return octets
    unsigned = octets[:at] + bytes(16) + octets[at + 16 :]
    length = struct.unpack_from("!H", octets, 2)[0]
    return octets[:at] + hmac.digest(SECRET, unsigned[:length], "md5") + octets[at + 16 :]


def knew_the_password(octets: bytes) -> bool:
    """Check the password with pyrad and with code of the client, not with that of the server."""
    length = struct.unpack_from("!H", octets, 2)[0]
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, packet=octets[:length])
    if request["User-Name"][0] != "juan":
        return False
    if (311, 25) in request:
        return _answered_mschap2(request)
    if 3 in request:
        ident, digest = request[3][0][:1], request[3][0][1:]
        challenge = request[60][0] if 60 in request else request.authenticator
        return hashlib.md5(ident + PASSWORD.encode() + challenge).digest() == digest
    return request.PwDecrypt(request[2][0]).rstrip("\0") == PASSWORD


def answers_of(sock) -> Iterator[tuple[bytes, object]]:
    yield from sock.sent
    sock.sent.clear()


def _answered_mschap2(request: AuthPacket) -> bool:
    response, challenge = request[(311, 25)][0], request[(311, 11)][0]
    exchange = MsChap2Exchange("juan", PASSWORD, challenge, response[2:18], ident=response[0])
    return exchange.nt_response() == response[26:]


def _signature_at(octets: bytes) -> int | None:
    at = 20
    while at + 2 <= len(octets) and octets[at + 1] >= 2:
        if octets[at : at + 2] == MESSAGE_AUTHENTICATOR:
            return at + 2 if at + 18 <= len(octets) else None
        at += octets[at + 1]
    return None


def _errors() -> float:
    return sum(
        REGISTRY.get_sample_value("isp_radius_dropped_total", {"type": kind, "reason": "error"}) or 0.0
        for kind in ("access", "accounting")
    )
