"""Several processes answer on one port: which one gets a packet, and what happens when one dies."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import psutil
import pytest
from pyrad.packet import AuthPacket
from simulators.nas import DICTIONARY

from .conftest import SECRET, Listener, wait_for

WORKERS = 2


@pytest.fixture
def listener(radius_database, start_listener) -> Listener:
    return start_listener(ISPOS_RADIUS_WORKERS=str(WORKERS))


class Router:
    """A socket like that of a router. Sends one packet per identifier."""

    def __init__(self, listener: Listener) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", listener.auth_port))
        self._requests = {identifier: _request(identifier) for identifier in range(32)}

    def ask(self, identifiers: range, *, seconds: float) -> set[int]:
        """The identifiers that were answered in time. Asking twice sends a retransmission."""
        self._socket.settimeout(seconds)
        for identifier in identifiers:
            self._socket.send(self._requests[identifier])
        answered: set[int] = set()
        try:
            while len(answered) < len(identifiers):
                answered.add(self._socket.recv(4096)[1])
        except (TimeoutError, ConnectionRefusedError):
            pass
        return answered

    def close(self) -> None:
        self._socket.close()


def _request(identifier: int) -> bytes:
    request = AuthPacket(secret=SECRET.encode(), dict=DICTIONARY, id=identifier, authenticator=os.urandom(16))
    request.add_message_authenticator()
    request["User-Name"] = "juan"
    request["User-Password"] = request.PwCrypt("clientPass")
    return request.RequestPacket()


@pytest.fixture
def router(listener: Listener):
    router = Router(listener)
    yield router
    router.close()


def test_packets_of_a_router_are_spread_over_the_workers(listener, router):
    stopped = listener.worker("authentication-1")
    os.kill(stopped, signal.SIGSTOP)
    try:
        assert router.ask(range(32), seconds=1.0) == set(range(0, 32, WORKERS))
    finally:
        os.kill(stopped, signal.SIGCONT)


def test_a_retransmission_goes_to_the_same_worker(listener, router):
    assert router.ask(range(32), seconds=5.0) == set(range(32))
    assert router.ask(range(32), seconds=5.0) == set(range(32))

    assert listener.counts("isp_radius_duplicates_total", 32, type="access")
    assert listener.counts("isp_radius_requests_total", 32, result="accept")


@pytest.mark.parametrize("name", ["authentication-0", "accounting"])
def test_a_dead_worker_is_replaced(listener, make_nas, name):
    killed = listener.worker(name)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: True if listener.worker(name) != killed else None, what="another worker")

    nas = make_nas(tries=20)
    for _ in range(WORKERS):  # two identifiers, so two workers
        assert nas.pap("juan", "clientPass").session is not None
    nas.wait_reported(30)
    assert listener.counts("isp_radius_worker_restarts_total", 1, worker=name)


def test_packets_are_not_lost_while_a_worker_is_replaced(listener, router):
    """Unread packets survive the worker, because the socket belongs to the supervisor."""
    worker = listener.worker("authentication-1")
    os.kill(worker, signal.SIGSTOP)
    assert 1 not in router.ask(range(2), seconds=0.5)
    os.kill(worker, signal.SIGKILL)

    assert router.ask(range(1), seconds=30.0) >= {0}  # the duplicate, at once
    assert _wait_for_answer(router, 1)


def _wait_for_answer(router: Router, identifier: int) -> bool:
    router._socket.settimeout(30.0)
    while True:
        if router._socket.recv(4096)[1] == identifier:
            return True


def test_workers_stop_when_their_supervisor_is_gone(listener):
    children = psutil.Process(listener.process.pid).children()
    assert len(children) == WORKERS + 2  # accounting, and the process for metrics
    listener.process.kill()

    wait_for(lambda: None if any(map(_lives, children)) else True, what="the workers to end")


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_sigterm_stops_all_workers_cleanly(listener):
    assert listener.stop() == 0
    assert "Traceback" not in listener.log.read_text()


def test_a_change_takes_effect_in_every_worker(radius_database, make_nas: Callable):
    nas = make_nas()
    radius_database.plan(version=2, **{"Mikrotik-Rate-Limit": "1M/1M"})
    radius_database.wait_in_force()

    assert {nas.pap("juan", "clientPass").session.rate_limit for _ in range(4)} == {"1M/1M"}
