"""The receivers with a socket and a store that only remember."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from pyrad.packet import AcctPacket, AuthPacket
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.listener.index import Account, Index, NasEntry
from radius_svc.listener.server import AccountingReceiver, AuthenticationReceiver
from servicekit.clock import FrozenClock
from simulators.nas import DICTIONARY, Method, _add_proof
from sqlalchemy.exc import DataError, OperationalError

SECRET = b"nas-shared-secret"
SENDER = ("10.1.1.1", 40000)
NAS = NasEntry(
    id=1,
    address="10.1.1.1",
    label="tower",
    secret=SECRET,
    router_id="router-1",
    require_message_authenticator=True,
    is_mikrotik=True,
)


class RememberingSocket:
    def __init__(self):
        self.sent = []

    def sendto(self, octets, address):
        self.sent.append((octets, address))


class RememberingStore:
    """Stands for AccountingStore; `errors` are raised one after the other before anything is written."""

    def __init__(self):
        self.events, self.errors = [], []

    def write(self, events):
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error
        self.events.extend(events)


class NoRecorder:
    def note_reject(self, *_): ...
    def note_heard(self, *_): ...
    def note_secret_mismatch(self, *_): ...
    def write(self): ...


@pytest.fixture
def sock():
    return RememberingSocket()


@pytest.fixture
def store():
    return RememberingStore()


@pytest.fixture
def shared():
    index = Index()
    index.nas = {NAS.address: NAS}
    index.accounts = {"juan": Account("service-juan", nt_password_hash("clientPass"), "token", (), ())}
    return {
        "index": index,
        "recorder": NoRecorder(),
        "clock": FrozenClock(datetime(2026, 11, 23, tzinfo=UTC)),
    }


@pytest.fixture
def authentication(sock, shared):
    return AuthenticationReceiver(sock, decrypt=lambda token, service_id: "clientPass", **shared)


@pytest.fixture
def accounting(sock, store, shared):
    receiver = AccountingReceiver(sock, store=store, **shared)
    receiver.retry_seconds = 0.0
    return receiver


def access_octets(method: Method, username: str = "juan", ident: int = 1) -> bytes:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, id=ident, authenticator=bytes(range(16)))
    request.add_message_authenticator()
    request["User-Name"] = username
    _add_proof(request, username, "clientPass", method)
    return request.RequestPacket()


def accounting_octets(ident: int = 1, status: str = "Start") -> bytes:
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=ident)
    request["User-Name"] = "juan"
    request["Acct-Session-Id"] = f"8100{ident:04x}"
    request["Acct-Status-Type"] = status
    return request.RequestPacket()


def unavailable() -> OperationalError:
    return OperationalError("INSERT", {}, Exception("the database is down"))


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_mutated_packets_neither_crash_nor_are_believed(authentication, accounting, sock, store):
    dice = random.Random(5997)
    seeds = [access_octets(method) for method in Method] + [accounting_octets()]
    errors = count("isp_radius_dropped_total", type="access", reason="error")
    errors += count("isp_radius_dropped_total", type="accounting", reason="error")
    for number in range(20_000):
        octets = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 5)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        receiver = accounting if octets[0] == 4 or number % 2 else authentication
        if bytes(octets) not in seeds:
            receiver.handle(bytes(octets), SENDER)

    assert sock.sent == []  # no mutation leaves a signature right
    assert store.events == []
    after = count("isp_radius_dropped_total", type="access", reason="error")
    after += count("isp_radius_dropped_total", type="accounting", reason="error")
    assert after == errors


def test_mutated_contents_under_a_right_signature_crash_nothing(authentication, sock, shared):
    """A NAS that knows the secret and still talks nonsense."""
    dice = random.Random(2865)
    errors = count("isp_radius_dropped_total", type="access", reason="error")
    for number in range(5_000):
        request = AuthPacket(
            secret=SECRET, dict=DICTIONARY, id=number % 256, authenticator=dice.randbytes(16)
        )
        request.add_message_authenticator()
        for kind in dice.sample([1, 2, 3, 4, 5, 30, 31, 60, (311, 1), (311, 11), (311, 25)], 5):
            request[kind] = [dice.randbytes(dice.choice([0, 1, 4, 8, 16, 17, 32, 50]))]
        authentication.handle(request.RequestPacket(), SENDER)

    assert count("isp_radius_dropped_total", type="access", reason="error") == errors


@pytest.mark.parametrize("method", list(Method))
def test_right_login_is_answered(authentication, sock, method):
    authentication.handle(access_octets(method), SENDER)

    ((reply, address),) = sock.sent
    assert reply[0] == 2
    assert address == SENDER


def test_sender_is_known_from_an_ipv6_socket_too(authentication, sock):
    authentication.handle(access_octets(Method.PAP), ("::ffff:10.1.1.1", 40000, 0, 0))

    assert len(sock.sent) == 1


def test_accounting_is_answered_after_it_is_written(accounting, sock, store):
    accounting.handle(accounting_octets(), SENDER)
    assert sock.sent == []

    accounting.after_burst()
    assert len(store.events) == len(sock.sent) == 1


def test_while_the_database_is_down_nothing_is_answered_and_nothing_lost(accounting, sock, store):
    store.errors = [unavailable(), unavailable()]
    accounting.handle(accounting_octets(1), SENDER)
    accounting._commit_some()
    accounting.handle(accounting_octets(1), SENDER)  # the NAS asks again
    accounting.handle(accounting_octets(2), SENDER)
    accounting._commit_some()
    assert sock.sent == []

    accounting.after_burst()
    assert len(store.events) == len(sock.sent) == 2


def test_backlog_has_an_end(accounting, sock, store):
    accounting.backlog_limit = 10
    for ident in range(50):
        accounting.handle(accounting_octets(ident), SENDER)

    accounting.after_burst()
    assert len(store.events) == 10


def test_packet_the_database_refuses_does_not_hold_up_the_others(accounting, sock, store):
    refused = DataError("INSERT", {}, Exception("no such number"))
    store.errors = [refused, None, refused, None]  # the batch, then one by one
    for ident in range(3):
        accounting.handle(accounting_octets(ident), SENDER)

    accounting.after_burst()

    assert len(store.events) == len(sock.sent) == 2


def test_status_type_we_do_not_keep_is_acknowledged(accounting, sock, store):
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=1)
    request["Acct-Status-Type"] = 9  # Tunnel-Start
    accounting.handle(request.RequestPacket(), SENDER)

    assert len(sock.sent) == 1
    assert store.events == []


@pytest.mark.parametrize("missing", ["Acct-Status-Type", "Acct-Session-Id"])
def test_accounting_without_what_it_needs_is_malformed(accounting, sock, missing):
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=1)
    for name, value in {"Acct-Status-Type": "Start", "Acct-Session-Id": "1"}.items():
        if name != missing:
            request[name] = value
    accounting.handle(request.RequestPacket(), SENDER)
    accounting.after_burst()

    assert sock.sent == []
