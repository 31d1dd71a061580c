"""3,000 accounting packets a second while database and workers are killed: no acknowledged one is lost."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyrad.packet import AcctPacket
from radius_svc.models import RadAcct
from radius_svc.usecases.authorization import NasClient, write_nas
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.private_postgres import PrivatePostgres
from servicekit.secrets import new_key
from simulators.nas import DICTIONARY
from sqlalchemy import select as sql_select
from testkit.pytest_plugin import require

from tests.support.waiting import wait_for

SECRET = "nas-shared-secret"
SESSIONS = 2_500
PER_SECOND = 3_000
# A router resends a packet that is not acknowledged.
AGAIN_AFTER_SECONDS = 1.0
ENDS_AFTER_SECONDS = 90.0


@pytest.fixture
def postgres(server_directory: Callable[[str], Path]) -> Iterator[PrivatePostgres]:
    require("postgres")
    server = PrivatePostgres(server_directory("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database(postgres: PrivatePostgres) -> Iterator[Database]:
    database = Database(postgres.create_database("radius", "radius", "radius-password"))
    migrate(database, "radius_svc")
    router = NasClient(router_id="tower", version=1, address="127.0.0.1", name="tower", secret=SECRET)
    with database.transaction() as session:
        write_nas(session, router)
    yield database
    database.engine.dispose()


@dataclass
class Listener:
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def last(self, event: str, **fields: str) -> dict | None:
        found = [line for line in self.lines() if line["event"] == event and fields.items() <= line.items()]
        return found[-1] if found else None


@pytest.fixture
def listener(database: Database, postgres: PrivatePostgres, tmp_path: Path) -> Iterator[Listener]:
    environ = {
        "RADIUS_DATABASE_URL": postgres.create_database("radius", "radius", "radius-password"),
        "ISPOS_ENCRYPTION_KEY": new_key(),
        "ISPOS_RADIUS_HOST": "127.0.0.1",
        "ISPOS_RADIUS_AUTH_PORT": "0",
        "ISPOS_RADIUS_ACCT_PORT": "0",
        "ISPOS_RADIUS_WORKERS": "2",
        "ISPOS_RADIUS_SPOOL_DIR": str(tmp_path / "spool"),
    }
    log = tmp_path / "listener.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "radius_svc", "listen"], env=os.environ | environ, stderr=stream
        )
    listener = Listener(process, log)
    try:
        wait_for("the listener answers", lambda: listener.last("radius listener ready"), seconds=60)
        yield listener
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Report:
    """A packet that the router keeps until it is acknowledged."""

    session: int
    status: str
    octets: bytes
    counted: int = 0
    sent_at: float = 0.0


@dataclass
class Router:
    """Sends at a steady rate, 256 identifiers to a port, and resends packets that are not acknowledged."""

    port: int
    acknowledged: list[Report] = field(default_factory=list)

    def run(self, reports: list[Report], *events: tuple[int, Callable[[], None]]) -> None:
        """Send all packets. Each event runs when that many have been acknowledged."""
        sockets = [_connected(self.port) for _ in range(-(-len(reports) // 256))]
        waiting = {(number // 256, number % 256): packet for number, packet in enumerate(reports)}
        unsent = iter(list(waiting.items()))
        started, sent, to_come = time.monotonic(), 0, list(events)
        while waiting and time.monotonic() - started < ENDS_AFTER_SECONDS:
            now = time.monotonic()
            if to_come and len(self.acknowledged) >= to_come[0][0]:
                to_come.pop(0)[1]()
            while sent < (now - started) * PER_SECOND and (following := next(unsent, None)) is not None:
                self._send(sockets, *following, now)
                sent += 1
            for key, packet in list(waiting.items()) if int(now * 10) != int((now - 0.01) * 10) else ():
                if packet.sent_at and now - packet.sent_at > AGAIN_AFTER_SECONDS:
                    self._send(sockets, key, packet, now)
            self._receive(sockets, waiting)
        for sock in sockets:
            sock.close()
        assert not to_come
        assert not waiting, f"{len(waiting)} of {len(reports)} were never acknowledged"

    def _send(self, sockets: list[socket.socket], key: tuple[int, int], packet: Report, now: float) -> None:
        packet.sent_at = now
        try:
            sockets[key[0]].send(packet.octets)
        except (BlockingIOError, ConnectionRefusedError):
            pass  # it will be resent

    def _receive(self, sockets: list[socket.socket], waiting: dict[tuple[int, int], Report]) -> None:
        ready, _, _ = select.select(sockets, [], [], 0.002)
        for sock in ready:
            number = sockets.index(sock)
            while (reply := _read(sock)) is not None:
                packet = waiting.pop((number, reply[1]), None)
                if packet is not None:
                    self.acknowledged.append(packet)


def _connected(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def _read(sock: socket.socket) -> bytes | None:
    try:
        return sock.recv(4096)
    except (BlockingIOError, ConnectionRefusedError):
        return None


def test_no_acknowledged_record_is_lost(
    listener: Listener, postgres: PrivatePostgres, database: Database
) -> None:
    ready = listener.last("radius listener ready")
    assert ready is not None
    reports = [
        packet(session, status, number)
        for number, (status, session) in enumerate(
            (status, session) for status in ("Start", "Interim-Update", "Stop") for session in range(SESSIONS)
        )
    ]
    router = Router(ready["acct_port"])

    def kill_worker() -> None:
        worker = listener.last("worker started", worker="accounting")
        assert worker is not None
        os.kill(worker["pid"], signal.SIGKILL)

    router.run(
        reports,
        (500, kill_worker),
        (2_500, postgres.kill),
        (4_500, kill_worker),  # with these acknowledged from the spool
        (4_500, postgres.start),
    )
    wait_for("the spool is empty", lambda: _everything_is_carried_over(database), seconds=60)

    rows = _rows(database)
    assert len(rows) == SESSIONS
    for stop in reports[-SESSIONS:]:  # all were acknowledged, or the router would have failed
        row = rows[session_id(stop.session)]
        assert row.acctinputoctets == stop.counted
        assert row.acctstoptime is not None
    assert listener.last("cannot write to the database") is not None  # so the spool was needed
    assert listener.process.poll() is None


def packet(session: int, status: str, number: int) -> Report:
    counted = {"Start": 0, "Interim-Update": 1_000, "Stop": 2_000}[status] + session
    request = AcctPacket(secret=SECRET.encode(), dict=DICTIONARY, id=number % 256)
    request["Acct-Status-Type"] = status
    request["Acct-Session-Id"] = session_id(session)
    request["User-Name"] = f"home-{session}"
    request["NAS-Port"] = session
    request["NAS-Port-Id"] = "ether2"
    request["Calling-Station-Id"] = f"02:00:00:00:{session >> 8:02X}:{session & 255:02X}"
    request["Acct-Session-Time"] = 0 if status == "Start" else 300
    request["Acct-Input-Octets"] = counted
    return Report(session, status, request.RequestPacket(), counted)


def session_id(session: int) -> str:
    return f"810{session:05x}"


def _rows(database: Database) -> dict[str, RadAcct]:
    with database.reading() as session:
        rows = {row.acctsessionid: row for row in session.scalars(sql_select(RadAcct))}
        session.expunge_all()
        return rows


def _everything_is_carried_over(database: Database) -> bool:
    rows = _rows(database)
    return len(rows) == SESSIONS and all(row.acctstoptime is not None for row in rows.values())
