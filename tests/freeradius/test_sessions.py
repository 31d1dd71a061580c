"""FreeRADIUS records sessions as our listener does, and each continues sessions of the other."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyrad.packet import AcctPacket
from servicekit.db import Database
from simulators.nas import DICTIONARY
from sqlalchemy import text

from tests.support import radclient
from tests.support.deployment import NAS_SECRET
from tests.support.freeradius import FreeRadius, OwnListener
from tests.support.isp import SECONDS, Household, Isp, MakeIsp

GIGAWORD = 1 << 32
INSTANTS = {"acctstarttime", "acctupdatetime", "acctstoptime", "received_at"}
SESSION = "8110001c"
# Every attribute that a row of radacct can hold.
LINE = (
    'NAS-Identifier = "R 1", NAS-IP-Address = 10.1.1.1, NAS-Port = 15728640, NAS-Port-Id = "ether2", '
    "NAS-Port-Type = Ethernet, Service-Type = Framed-User, Framed-Protocol = PPP, Acct-Authentic = RADIUS, "
    'Called-Station-Id = "pppoe", Calling-Station-Id = "02:00:00:00:00:01", Connect-Info = "50M/50M", '
    f'Framed-IP-Address = 10.64.0.9, Class = "isp-suspended", Acct-Session-Id = "{SESSION}", '
    "Framed-IPv6-Prefix = 2001:db8:1::/64, Delegated-IPv6-Prefix = 2001:db8:2::/56"
)
COUNTERS = (
    "Acct-Session-Time = {seconds}, Acct-Input-Octets = {input}, Acct-Input-Gigawords = 1, "
    "Acct-Output-Octets = {output}, Acct-Output-Gigawords = 2"
)


class Ledger:
    """The rows of radacct of one router, which sends packets."""

    def __init__(self, isp: Isp, database: Database) -> None:
        self._source = isp.nas.nas_ip_address
        self._router_id = isp.router["id"]
        self._database = database

    def report(self, port: int, household: Household, attributes: str, **more: object) -> None:
        given = "".join(f", {name.replace('_', '-')} = {value}" for name, value in more.items())
        radclient.report(port, self._source, f'User-Name = "{household.username}", {attributes}{given}')

    def rows(self) -> list[dict[str, Any]]:
        """Oldest first."""
        query = text("select * from radacct where router_id = :router order by radacctid")
        with self._database.reading() as session:
            return [dict(row) for row in session.execute(query, {"router": self._router_id}).mappings()]

    def row(self) -> dict[str, Any]:
        """Its only row."""
        (row,) = self.rows()
        return row

    def clear(self) -> None:
        with self._database.transaction() as session:
            query = text("delete from radacct where router_id = :router")
            session.execute(query, {"router": self._router_id})


@pytest.fixture
def ledger(isp: Isp, database: Database) -> Ledger:
    return Ledger(isp, database)


@pytest.fixture
def juan(isp: Isp) -> Household:
    return isp.connect("Juan dela Cruz", online=False)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """All columns are equal; times may differ by as much as two packets sent one after the other."""
    for name in one.keys() - INSTANTS - {"radacctid"}:
        assert str(one[name]) == str(other[name]), name
    for name in INSTANTS:
        assert (one[name] is None) == (other[name] is None), name
        if one[name] is not None:
            assert abs(one[name] - other[name]) < timedelta(seconds=10), name


# ---- the same packets, the same row


PACKETS = {
    "start": [f"{LINE}, Acct-Status-Type = Start"],
    "start told late": [f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 3000"],
    "awkward words": [
        LINE.replace("ether2", "ether'2").replace("R 1", "R'; ñ--").replace(SESSION, "8'1+0=c")
        + ", Acct-Status-Type = Start, Called-Station-Id = \"'pp{%p}e'\""
    ],
    "interim first": [
        f"{LINE}, Acct-Status-Type = Interim-Update, "
        + COUNTERS.format(seconds=900, input=4_000_000_000, output=7)
    ],
    "all three": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 1000",
        f"{LINE}, Acct-Status-Type = Interim-Update, " + COUNTERS.format(seconds=300, input=5, output=6),
        f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = User-Request, "
        + COUNTERS.format(seconds=600, input=7, output=8),
    ],
    "Stop first, Start last": [
        f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = Lost-Carrier, "
        + COUNTERS.format(seconds=600, input=7, output=8),
        f"{LINE}, Acct-Status-Type = Interim-Update, Acct-Delay-Time = 300, "
        + COUNTERS.format(seconds=300, input=5, output=6),
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 600",
    ],
    "a second Stop": [
        f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = {cause}, "
        + COUNTERS.format(seconds=seconds, input=5, output=6)
        for cause, seconds in (("User-Request", 100), ("Admin-Reset", 200))
    ],
    "lost Stop, newer Start": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 100",
        f"{LINE.replace(SESSION, '8110001d')}, Acct-Status-Type = Start",
    ],
    "another home, newer Start": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 100",
        f"{LINE.replace(SESSION, '8110001d').replace('00:01', '00:02')}, Acct-Status-Type = Start",
    ],
    "router restarted": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 100",
        "NAS-IP-Address = 10.1.1.1, Acct-Status-Type = Accounting-On",
    ],
    "router restarted, session lives after all": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 100",
        "NAS-IP-Address = 10.1.1.1, Acct-Status-Type = Accounting-Off, Acct-Delay-Time = 50",
        f"{LINE}, Acct-Status-Type = Interim-Update, " + COUNTERS.format(seconds=100, input=5, output=6),
    ],
    "Stop of a session closed on evidence": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 100",
        "NAS-IP-Address = 10.1.1.1, Acct-Status-Type = Accounting-On, Acct-Delay-Time = 50",
        f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = NAS-Reboot, Acct-Delay-Time = 60, "
        + COUNTERS.format(seconds=40, input=5, output=6),
    ],
    "session id used again": [
        f"{LINE}, Acct-Status-Type = Start, Acct-Delay-Time = 8000",
        f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = User-Request, Acct-Delay-Time = 7000, "
        + COUNTERS.format(seconds=1000, input=5, output=6),
        f"{LINE}, Acct-Status-Type = Start",
        f"{LINE}, Acct-Status-Type = Interim-Update, " + COUNTERS.format(seconds=1, input=1, output=2),
    ],
}


@pytest.mark.parametrize("packets", PACKETS.values(), ids=PACKETS)
def test_either_server_writes_the_same(
    freeradius: FreeRadius, own_listener: OwnListener, ledger: Ledger, juan: Household, packets: list[str]
) -> None:
    def written_by(port: int) -> list[dict[str, Any]]:
        for packet in packets:
            ledger.report(port, juan, packet)
        rows = ledger.rows()
        ledger.clear()
        return rows

    ours, theirs = written_by(own_listener.acct_port), written_by(freeradius.acct_port)

    assert len(ours) == len(theirs) > 0
    assert {row["service_id"] for row in theirs} == {juan.service_id}
    for one, other in zip(ours, theirs, strict=True):
        for row in (one, other):
            row["acctuniqueid"] = row["acctuniqueid"].removesuffix(f"-{row['radacctid']}")
        assert_same(one, other)


# ---- one session, two servers


@pytest.mark.parametrize("begun_by", ["FreeRADIUS", "our own listener"])
def test_session_begun_by_one_is_continued_by_the_other(
    isp: Isp,
    freeradius: FreeRadius,
    own_listener: OwnListener,
    ledger: Ledger,
    juan: Household,
    begun_by: str,
) -> None:
    servers = [freeradius, own_listener] if begun_by == "FreeRADIUS" else [own_listener, freeradius]
    first, second = ({"auth_port": server.auth_port, "acct_port": server.acct_port} for server in servers)
    isp.nas.use_server(**first)
    session = isp.dial(juan).session
    isp.nas.wait_reported(SECONDS)
    started = ledger.row()
    assert session is not None and started["acctsessionid"] == session.acct_session_id
    assert started["acctstoptime"] is None

    isp.nas.use_server(**second)
    isp.nas.pass_traffic(juan.username, upload_octets=GIGAWORD + 5, download_octets=3 * GIGAWORD + 7)
    isp.nas.send_interims()
    isp.nas.wait_reported(SECONDS)
    counted = ledger.row()
    assert counted["radacctid"] == started["radacctid"]
    assert (counted["acctinputoctets"], counted["acctoutputoctets"]) == (GIGAWORD + 5, 3 * GIGAWORD + 7)
    assert counted["acctupdatetime"] > started["acctupdatetime"] and counted["acctstoptime"] is None

    isp.nas.pass_traffic(juan.username, upload_octets=1, download_octets=2)
    isp.nas.hang_up(juan.username)
    isp.nas.wait_reported(SECONDS)
    ended = ledger.row()
    assert ended["radacctid"] == started["radacctid"]
    assert (ended["acctinputoctets"], ended["acctoutputoctets"]) == (GIGAWORD + 6, 3 * GIGAWORD + 9)
    assert ended["acctstoptime"] is not None and ended["acctterminatecause"] == "User-Request"
    assert ended["closed_on_evidence"] is None
    kept = ("acctuniqueid", "acctstarttime", "received_at", "service_id", "router_id", "callingstationid")
    assert {name: ended[name] for name in kept} == {name: started[name] for name in kept}
    assert (ended["service_id"], ended["router_id"]) == (juan.service_id, isp.router["id"])


# ---- FreeRADIUS only


def test_repeated_and_late_packets_change_nothing(
    freeradius: FreeRadius, ledger: Ledger, juan: Household
) -> None:
    port = freeradius.acct_port
    start = f"{LINE}, Acct-Status-Type = Start"
    interim = f"{LINE}, Acct-Status-Type = Interim-Update, " + COUNTERS.format(seconds=5, input=5, output=6)
    stop = f"{LINE}, Acct-Status-Type = Stop, Acct-Terminate-Cause = User-Request, " + COUNTERS.format(
        seconds=9, input=7, output=8
    )
    for packet in (start, interim, stop):
        ledger.report(port, juan, packet)
    before = ledger.row()

    for packet in (stop, interim, start, interim):
        ledger.report(port, juan, packet, Acct_Delay_Time=3600)

    after = ledger.row()
    assert before["acctinputoctets"] == GIGAWORD + 7
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set()


def report_at_once(port: int, source: str, reports: list[dict[str, Any]]) -> None:
    """Send all of them, and resend those that are not acknowledged in time, as a router does."""
    waiting = {}
    for number, report in enumerate(reports):
        request = AcctPacket(secret=NAS_SECRET.encode(), dict=DICTIONARY, id=number)
        for name, value in report.items():
            request[name] = value
        waiting[number] = request.RequestPacket()
    deadline = time.monotonic() + SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} are not acknowledged"
            for octets in waiting.values():
                sock.sendto(octets, ("127.0.0.1", port))
            again_at = time.monotonic() + 3
            while waiting and (left := again_at - time.monotonic()) > 0:
                sock.settimeout(left)
                with suppress(TimeoutError):
                    waiting.pop(sock.recv(4096)[1], None)


def test_concurrent_reports_do_not_deadlock(
    isp: Isp, freeradius: FreeRadius, ledger: Ledger, juan: Household
) -> None:
    """Each packet may close another session of its home router and record when the NAS was last heard."""
    line = {"NAS-IP-Address": "10.1.1.1", "NAS-Port-Id": "ether2", "Calling-Station-Id": "02:00:00:00:00:01"}
    first, second = line | {"Acct-Session-Id": "81100001"}, line | {"Acct-Session-Id": "81100002"}
    packets = [
        first | {"Acct-Status-Type": "Start", "Acct-Delay-Time": 100},
        first | {"Acct-Status-Type": "Interim-Update", "Acct-Delay-Time": 50, "Acct-Input-Octets": 1},
        first | {"Acct-Status-Type": "Stop", "Acct-Delay-Time": 20, "Acct-Input-Octets": 3},
        second | {"Acct-Status-Type": "Start"},
        second | {"Acct-Status-Type": "Interim-Update", "Acct-Input-Octets": 5},
    ]
    reports = [packet | {"User-Name": f"{juan.username}.{home}"} for home in range(50) for packet in packets]
    random.Random(4).shuffle(reports)

    report_at_once(freeradius.acct_port, isp.nas.nas_ip_address, reports)

    assert "deadlock" not in freeradius.log.read_text()
    rows = ledger.rows()
    assert len(rows) == 100
    states = {(row["acctsessionid"], row["acctinputoctets"], row["acctstoptime"] is None) for row in rows}
    assert states == {("81100001", 3, False), ("81100002", 5, True)}


def test_restarted_router_closes_only_its_own_sessions(
    make_isp: MakeIsp, database: Database, freeradius: FreeRadius
) -> None:
    isp, other = make_isp(), make_isp()
    ours = isp.connect("Juan dela Cruz", online=False)
    theirs = other.connect("Pedro Reyes", online=False)
    isp.dial(ours)
    other.dial(theirs)
    other.nas.wait_reported(SECONDS)
    isp.nas.send_accounting_on()
    isp.nas.send_accounting_on()  # acknowledged, though there is nothing left to close
    isp.nas.wait_reported(SECONDS)

    assert Ledger(isp, database).row()["closed_on_evidence"] == "accounting-on"
    assert Ledger(other, database).row()["acctstoptime"] is None


def test_report_updates_when_the_router_was_last_heard(
    isp: Isp, ledger: Ledger, juan: Household, database: Database
) -> None:
    def heard_at() -> datetime | None:
        query = text("select last_heard_at from nas where router_id = :router")
        with database.reading() as session:
            return session.scalar(query, {"router": isp.router["id"]})

    assert heard_at() is None
    isp.dial(juan)
    isp.nas.wait_reported(SECONDS)

    first = heard_at()
    assert first is not None
    assert isp.api.get(f"/routers/{isp.router['id']}")["last_heard_at"] is not None
    isp.nas.send_interims()
    isp.nas.wait_reported(SECONDS)
    assert heard_at() == first, "once a minute is enough"
