"""The sessions that reports become. PostgreSQL has a statement of its own for most reports."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta

import pytest
from radius_svc.models import RadAcct
from radius_svc.usecases.silent_sessions import Silent, close
from sqlalchemy import select

from .conftest import ON_BOTH, wait_for
from .packets import exchange, only, report

pytestmark = ON_BOTH


def test_a_session_is_recorded_from_start_to_stop(radius_database, nas):
    session = nas.mschap2("juan", "clientPass", mac="02:00:00:00:00:01").session
    nas.wait_reported(5)
    started = only(radius_database.sessions())

    assert (started.username, started.service_id, started.router_id) == (
        "juan",
        "service-juan",
        "router-127.0.0.1",
    )
    assert started.framedipaddress == session.framed_ip_address
    assert started.callingstationid == "02:00:00:00:00:01"
    assert started.acctstarttime == started.received_at
    assert started.acctstoptime is None

    nas.pass_traffic("juan", upload_octets=(3 << 32) + 7, download_octets=(5 << 32) + 9)
    nas.send_interims()
    nas.wait_reported(5)
    updated = only(radius_database.sessions())
    assert (updated.acctinputoctets, updated.acctoutputoctets) == ((3 << 32) + 7, (5 << 32) + 9)

    nas.hang_up("juan")
    nas.wait_reported(5)
    stopped = only(radius_database.sessions())
    assert stopped.acctterminatecause == "User-Request"
    assert stopped.acctstoptime >= stopped.acctstarttime
    assert stopped.closed_on_evidence is None


def test_unusual_packets_of_pppd_are_recorded(radius_database, radclient):
    """pppd sends a session id containing a format string, NAS-Port 0 and no Calling-Station-Id."""
    session_id = "%lX6b02939c%hX"
    for status, octets in (("Start", 0), ("Stop", 4711)):
        answer = radclient(
            f'Acct-Status-Type = {status}\nUser-Name = "juan"\nAcct-Session-Id = "{session_id}"\n'
            f"NAS-IP-Address = 127.0.0.1\nNAS-Port = 0\nNAS-Port-Type = Async\nService-Type = Framed-User\n"
            f"Framed-Protocol = PPP\nAcct-Input-Octets = {octets}\nAcct-Authentic = RADIUS\n",
            "acct",
        )
        assert "Received Accounting-Response" in answer

    session = only(radius_database.sessions())
    assert (session.acctsessionid, session.nasportid, session.callingstationid) == (session_id, "0", None)
    assert session.acctinputoctets == 4711 and session.acctstoptime is not None


def test_retransmission_changes_nothing(radius_database, listener):
    octets = report("Start")
    for _ in range(3):  # from three ports: no cache helps
        exchange(listener.acct_port, octets)

    session = only(radius_database.sessions())
    assert session.acctstarttime == session.received_at
    assert session.acctstoptime is None


def test_reports_in_any_order_give_the_same_session(radius_database, send):
    send("Stop", Acct_Session_Time=60, Acct_Input_Octets=300, Acct_Terminate_Cause="Lost-Carrier")
    send("Interim-Update", Acct_Session_Time=30, Acct_Input_Octets=200)
    send("Start", delay=60)

    session = only(radius_database.sessions())
    assert session.acctstoptime is not None
    assert session.acctterminatecause == "Lost-Carrier"
    assert session.acctinputoctets == 300
    assert session.acctstarttime == session.received_at - timedelta(seconds=60)


def test_a_session_stopped_by_the_nas_is_never_reopened(radius_database, send):
    send("Start")
    send("Stop", Acct_Session_Time=1, delay=20)
    send("Interim-Update", Acct_Session_Time=60)

    assert only(radius_database.sessions()).acctstoptime is not None


def test_a_session_without_a_start_has_the_right_start_time(radius_database, send):
    send("Interim-Update", Acct_Session_Time=600)

    session = only(radius_database.sessions())
    assert session.acctupdatetime - session.acctstarttime == timedelta(seconds=600)


def test_a_new_start_on_the_same_port_closes_the_old_session(radius_database, send):
    send("Start", "81000001")
    send("Start", "81000002")

    older, newer = radius_database.sessions()
    assert older.acctstoptime == newer.acctstarttime
    assert older.closed_on_evidence == "newer-start"
    assert newer.acctstoptime is None


def test_a_late_start_does_not_close_a_newer_session(radius_database, send):
    send("Start", "81000002")
    send("Start", "81000001", delay=60)

    newer, older = radius_database.sessions()
    assert newer.acctstoptime is None
    assert older.closed_on_evidence == "newer-start"


def test_a_start_on_another_port_closes_nothing(radius_database, send):
    send("Start", "81000001", NAS_Port_Id="ether2")
    send("Start", "81000002", NAS_Port_Id="ether3")

    assert [session.acctstoptime for session in radius_database.sessions()] == [None, None]


def test_a_late_interim_reopens_a_session_closed_for_silence(radius_database, send, listener):
    """It is closed as of its last report. The same report again proves nothing, but a later one does."""
    send("Start")
    last = report("Interim-Update", ident=7, Acct_Session_Time=1)
    exchange(listener.acct_port, last)
    with radius_database.database.transaction() as session:
        row = session.scalars(select(RadAcct)).one()
        for column in ("acctstarttime", "acctupdatetime", "received_at"):
            setattr(row, column, getattr(row, column) - timedelta(minutes=20))
        silent = Silent(row.radacctid, ("router", ""), "juan", row.acctupdatetime, True, None)
        session.flush()
        assert close(session, [silent]) == 1
    closed = only(radius_database.sessions())
    assert (closed.acctstoptime, closed.closed_on_evidence) == (closed.acctupdatetime, "missed-interims")

    send("Interim-Update", ident=8, delay=20 * 60, Acct_Session_Time=1)  # delayed by the router
    assert only(radius_database.sessions()).acctstoptime == closed.acctstoptime
    send("Interim-Update", ident=9, Acct_Session_Time=1200, Acct_Input_Octets=7)
    opened = only(radius_database.sessions())
    assert (opened.acctstoptime, opened.closed_on_evidence, opened.acctinputoctets) == (None, None, 7)


def test_a_session_closed_on_evidence_is_reopened_if_it_reports(radius_database, send):
    send("Start", "81000001", delay=60)
    send("Start", "81000002", delay=30)
    send("Interim-Update", "81000001", Acct_Session_Time=60)

    first, second = radius_database.sessions()
    assert (first.acctstoptime, first.closed_on_evidence) == (None, None)
    assert second.acctstoptime is None


def test_another_boot_digit_closes_sessions_of_the_earlier_boot(radius_database, nas):
    radius_database.account("pedro")
    nas.mschap2("juan", "clientPass")
    wait_for(lambda: nas.mschap2("pedro", "clientPass").session, what="pedro")
    nas.wait_reported(5)
    nas.reboot()
    nas.mschap2("juan", "clientPass")
    nas.wait_reported(5)

    before = [s for s in radius_database.sessions() if s.acctsessionid.startswith("810")]
    after = only([s for s in radius_database.sessions() if s.acctsessionid.startswith("811")])
    assert {s.username for s in before} == {"juan", "pedro"}
    assert all(s.acctterminatecause in ("NAS-Reboot", "Lost-Carrier") for s in before)
    assert after.acctstoptime is None


@pytest.mark.parametrize("status", ["Accounting-On", "Accounting-Off"])
def test_a_restart_of_the_nas_closes_its_sessions(radius_database, send, status):
    send("Start", "81000001")
    send(status)

    session = only(radius_database.sessions())
    assert session.acctterminatecause == "NAS-Reboot"
    assert session.closed_on_evidence == status.lower()


def test_a_restart_of_another_nas_closes_nothing(radius_database, send, make_nas):
    radius_database.nas("127.0.0.2")
    send("Start", "81000001")
    other = make_nas(source_address="127.0.0.2", nas_ip_address="127.0.0.1")  # it reports a wrong address
    other.send_accounting_on()
    other.wait_reported(5)

    assert only(radius_database.sessions()).acctstoptime is None


def test_a_session_id_reused_much_later_is_another_session(radius_database, send):
    send("Start", delay=7200)
    send("Stop", delay=7000)
    send("Start")

    past, present = radius_database.sessions()
    assert past.acctstoptime is not None
    assert present.acctstoptime is None


def test_octets_the_database_refuses_are_stored_as_escapes(radius_database, send):
    send("Start", "81\x00\x01", Calling_Station_Id="\x00")

    assert only(radius_database.sessions()).acctsessionid == "81\\x00\x01"


def test_many_sessions_at_once_are_all_recorded(radius_database, listener):
    def stream(number: int) -> None:
        for count in range(25):
            name, session_id = f"user{number}-{count}", f"81{number:02x}{count:04x}"
            for status in ("Start", "Interim-Update", "Stop"):
                exchange(listener.acct_port, report(status, session_id, User_Name=name, Acct_Session_Time=1))

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sessions = radius_database.sessions()
    assert len(sessions) == 200
    assert all(session.acctstoptime is not None for session in sessions)


def test_reports_in_one_burst_are_all_written(radius_database, listener, send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", listener.acct_port))
        sock.settimeout(5)
        reports = [
            report(status, f"8100{session:04x}", ident=4 * session + step, **said)
            for session in range(20)
            for step, (status, said) in enumerate(
                (
                    ("Start", {"NAS_Port_Id": f"ether{session}"}),
                    ("Interim-Update", {"NAS_Port_Id": f"ether{session}", "Acct_Input_Octets": 5}),
                    ("Stop", {"NAS_Port_Id": f"ether{session}", "Acct_Input_Octets": 9}),
                )
            )
        ]
        for octets in reports:
            sock.send(octets)
        answered = {sock.recv(4096)[1] for _ in reports}

    assert len(answered) == len(reports)
    sessions = radius_database.sessions()
    assert len(sessions) == 20
    assert {session.acctinputoctets for session in sessions} == {9}
    assert all(session.acctstoptime is not None and session.received_at for session in sessions)
