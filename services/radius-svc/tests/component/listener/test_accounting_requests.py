"""What a report contains and how it is answered, no matter which database keeps the sessions."""

from __future__ import annotations

import sqlite3
import time
from datetime import timedelta

import pytest
from radius_svc.domain.acct_unique_id import acct_unique_id
from simulators.nas import Outcome

from .conftest import wait_for
from .packets import exchange, only, report


def test_the_unique_id_matches_freeradius(radius_database, send):
    send("Start", NAS_Identifier="R 1", NAS_Port=15728640)

    expected = acct_unique_id(
        username=b"juan",
        session_id=b"8100001c",
        nas_address="127.0.0.1",
        nas_identifier=b"R 1",
        nas_port_id=b"ether2",
        nas_port=15728640,
    )
    assert only(radius_database.sessions()).acctuniqueid == expected


def test_radclient_reads_the_acknowledgement(radius_database, radclient):
    answer = radclient(
        'Acct-Status-Type = Start\nUser-Name = "juan"\n'
        'Acct-Session-Id = "8100001c"\nNAS-IP-Address = 127.0.0.1\n',
        "acct",
    )

    assert "Received Accounting-Response" in answer
    assert only(radius_database.sessions()).username == "juan"


def test_the_delay_is_subtracted_from_the_start(radius_database, send):
    send("Start", delay=30)

    session = only(radius_database.sessions())
    assert session.received_at - session.acctstarttime == timedelta(seconds=30)


def test_wrong_authenticator_is_dropped_and_counted(radius_database, listener, make_nas):
    impostor = make_nas(secret=b"another", tries=1)
    impostor.send_accounting_on()
    impostor.wait_reported(5)

    assert listener.counts("isp_radius_bad_authenticator_total", 1, type="accounting")


def test_logins_continue_while_the_database_is_locked(radius_database, radius_database_url, listener, nas):
    lock = sqlite3.connect(radius_database_url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    assert nas.mschap2("juan", "clientPass").outcome is Outcome.ACCEPTED
    assert time.monotonic() - began < 0.3
    with pytest.raises(TimeoutError):
        exchange(listener.acct_port, report("Start", "81000077"))
    lock.execute("COMMIT")
    lock.close()

    wait_for(
        lambda: next((s for s in radius_database.sessions() if s.acctsessionid == "81000077"), None),
        what="the Start that came while the database was locked",
    )
    nas.wait_reported(10)
