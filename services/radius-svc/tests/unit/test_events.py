"""What is sent to the database for an accounting packet, and the whole row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyrad.packet import AcctPacket
from radius_svc.listener.accounting.events import read_event
from radius_svc.protocol.packet import Request
from simulators.nas import DICTIONARY

from .conftest import NAS, SECRET

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def report(shared):
    def report(status, **attributes):
        packet = AcctPacket(secret=SECRET, dict=DICTIONARY)
        packet["User-Name"], packet["Acct-Session-Id"] = "juan", "81000001"
        packet["Acct-Status-Type"] = status
        for name, value in attributes.items():
            packet[name.replace("_", "-")] = value
        return read_event(Request(packet.RequestPacket()), NAS, shared.index, NOW)

    return report


def test_a_start_contains_its_time_and_no_counters(report):
    start = report("Start")
    times = {name for name, value in start.said.items() if isinstance(value, datetime)}
    assert times == {"acctstarttime"}
    assert not {"acctsessiontime", "acctinputoctets", "acctoutputoctets"} & start.said.keys()

    row = start.row
    assert row["acctstarttime"] == row["acctupdatetime"] == row["received_at"] == NOW
    assert row["acctsessiontime"] == row["acctinputoctets"] == row["acctoutputoctets"] == 0
    assert row["username"] == "juan"


def test_a_delayed_start_began_before_it_was_received(report):
    row = report("Start", Acct_Delay_Time=30).row
    assert row["received_at"] - row["acctstarttime"] == timedelta(seconds=30)
    assert row["acctupdatetime"] == row["acctstarttime"]


def test_a_stop_contains_its_time_and_what_can_change(report):
    stop = report("Stop", Acct_Session_Time=60, Acct_Output_Octets=5)
    assert "acctupdatetime" not in stop.said
    assert "username" not in stop.said

    row = stop.row
    assert row["acctstoptime"] == row["acctupdatetime"] == NOW
    assert row["acctstarttime"] == NOW - timedelta(seconds=60)
    assert (row["acctinputoctets"], row["acctoutputoctets"]) == (0, 5)
    assert "received_at" not in row


def test_an_interim_update_contains_the_time_of_the_report(report):
    interim = report("Interim-Update", Acct_Session_Time=60)
    assert interim.said["acctupdatetime"] == interim.row["acctupdatetime"] == NOW
    assert interim.row["acctstarttime"] == NOW - timedelta(seconds=60)
