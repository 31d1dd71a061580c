"""Receivers with a fake socket and a fake store, and packets made by pyrad."""

from __future__ import annotations

import random
import struct
import time
from datetime import UTC, datetime

import pytest
from pyrad.packet import AcctPacket, AuthPacket
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.listener.accounting.receiver import AccountingReceiver
from radius_svc.listener.accounting.spool import Spool
from radius_svc.listener.accounting.store import Writing
from radius_svc.listener.authentication.receiver import AuthenticationReceiver
from radius_svc.listener.authentication.session_watch import LimitCheck
from radius_svc.listener.index.entries import Index, Login, NasEntry
from radius_svc.listener.receiving.receiver import Shared
from radius_svc.protocol.signing import SharedSecret
from servicekit.clock import FrozenClock
from simulators.nas import DICTIONARY, Method
from simulators.packets import add_proof
from sqlalchemy.exc import OperationalError

SECRET = b"nas-shared-secret"
SENDER = ("10.1.1.1", 40000)
NAS = NasEntry(
    id=1,
    address="10.1.1.1",
    label="tower",
    secret=SharedSecret(SECRET),
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
    """A fake AccountingStore. Raises `errors` one after the other before it writes anything."""

    def __init__(self):
        self.events, self.errors = [], []

    writes_in_background = False

    def prepare(self): ...

    def begin(self, events):
        return Writing(self, None, [], list(events))

    def write_what_is_accepted(self, events):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        self.events.extend(events)
        return []


class RememberingRecorder:
    def __init__(self):
        self.rejects, self.mismatches = [], []

    def note_reject(self, request, reason, at, *, repeated):
        self.rejects.append((reason.value, repeated))

    def note_heard(self, nas): ...

    def note_secret_mismatch(self, nas):
        self.mismatches.append(nas.label)


class Watch:
    """A fake SessionWatch. `exceeded` is the result of its checks; None means that they take too long."""

    def __init__(self):
        self.exceeded, self.checks = None, []

    def may_exceed(self, username, limit, dial):
        return True

    def start_check(self, username, limit, dial, now):
        check = LimitCheck(username, limit, dial, now + 0.5)
        self.checks.append(check)
        return check


@pytest.fixture
def sock():
    return RememberingSocket()


@pytest.fixture
def store():
    return RememberingStore()


@pytest.fixture
def recorder():
    return RememberingRecorder()


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def shared(recorder):
    index = Index()
    index.nas = {NAS.address: NAS}
    index.logins = {"juan": Login("service-juan", nt_password_hash("clientPass"), "token", (), ())}
    return Shared(index, recorder, FrozenClock(datetime(2026, 11, 23, tzinfo=UTC)))


@pytest.fixture
def authentication(sock, watch, shared):
    return AuthenticationReceiver(sock, shared, decrypt=lambda token, service_id: "clientPass", watch=watch)


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool" / "accounting.db")
    yield spool
    spool.close()


@pytest.fixture
def accounting(sock, store, shared):
    """A receiver without a spool."""
    return AccountingReceiver(sock, shared, store=store, spool=None)


@pytest.fixture
def spooling(sock, store, spool, shared):
    return AccountingReceiver(sock, shared, store=store, spool=spool)


def later(receiver, seconds: float = 100.0) -> None:
    """Let the receiver do what it does after this many seconds without a packet."""
    receiver.tick(time.monotonic() + seconds)
    receiver._send_answers()


def access_octets(
    method: Method,
    username: str = "juan",
    ident: int = 1,
    *,
    password: str = "clientPass",
    secret: bytes = SECRET,
    signed: bool = True,
) -> bytes:
    request = AuthPacket(secret=secret, dict=DICTIONARY, id=ident, authenticator=bytes(range(16)))
    if signed:
        request.add_message_authenticator()
    request["User-Name"] = username
    request["Calling-Station-Id"] = "02:00:00:00:00:01"
    add_proof(request, username, password, method)
    return request.RequestPacket()


def accounting_octets(ident: int = 1, status: str = "Start") -> bytes:
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=ident)
    request["User-Name"] = "juan"
    request["Acct-Session-Id"] = f"8100{ident:04x}"
    request["Acct-Status-Type"] = status
    return request.RequestPacket()


def unavailable() -> OperationalError:
    return OperationalError("INSERT", {}, Exception("the database is down"))


def mutated(dice: random.Random, octets: bytes) -> bytes:
    """The packet with one to four octets changed, removed or inserted; half of them with the right length."""
    changed = bytearray(octets)
    for _ in range(dice.randint(1, 4)):
        at, how = dice.randrange(len(changed)), dice.random()
        if how < 0.7:
            changed[at] = dice.randrange(256)
        elif how < 0.8:
            del changed[at:]
        elif how < 0.9:
            del changed[at : at + dice.randint(1, 4)]
        else:
            changed[at:at] = dice.randbytes(dice.randint(1, 8))
        if not changed:
            return b""
    if dice.random() < 0.5 and len(changed) >= 4:
        changed[2:4] = struct.pack("!H", len(changed))
    return bytes(changed)
