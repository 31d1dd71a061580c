"""What receivers answer, when, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyrad.packet import AcctPacket
from radius_svc.listener.authentication.receiver import REJECT_DELAY_SECONDS
from radius_svc.listener.authentication.reject_throttle import MAX_PROMPT_REJECTS
from simulators.nas import DICTIONARY, Method

from .conftest import NAS, SECRET, SENDER, access_octets, accounting_octets, later, unavailable


@pytest.mark.parametrize("method", list(Method))
def test_right_login_is_answered(authentication, sock, method):
    authentication.handle(access_octets(method), SENDER)

    ((reply, address),) = sock.sent
    assert reply[0] == 2
    assert address == SENDER


def test_the_sender_is_recognized_on_an_ipv6_socket(authentication, sock):
    authentication.handle(access_octets(Method.PAP), ("::ffff:10.1.1.1", 40000, 0, 0))

    assert len(sock.sent) == 1


def test_accounting_is_answered_only_after_it_is_written(accounting, sock, store):
    accounting.handle(accounting_octets(), SENDER)
    assert sock.sent == []

    later(accounting)
    assert len(store.events) == len(sock.sent) == 1


def test_without_a_spool_packets_wait_for_the_database(accounting, sock, store):
    store.errors = [unavailable(), unavailable()]
    accounting.handle(accounting_octets(1), SENDER)
    later(accounting)
    accounting.handle(accounting_octets(1), SENDER)  # the NAS sends again
    accounting.handle(accounting_octets(2), SENDER)
    later(accounting)
    assert sock.sent == []

    later(accounting)
    assert len(store.events) == len(sock.sent) == 2


def test_accounting_is_spooled_while_the_database_is_down(spooling, sock, store, spool):
    store.errors = [unavailable()]
    spooling.handle(accounting_octets(1), SENDER)
    spooling.handle(accounting_octets(2), SENDER)
    later(spooling, 0.0)
    assert len(sock.sent) == 2
    assert len(spool) == 2
    assert store.events == []

    later(spooling)
    assert [event.row["acctsessionid"] for event in store.events] == ["81000001", "81000002"]
    assert len(spool) == 0
    assert len(sock.sent) == 2  # answered once


def test_the_spool_is_emptied_while_packets_keep_coming(spooling, store, spool):
    store.errors = [unavailable()]
    spooling.handle(accounting_octets(ident=1), SENDER)
    later(spooling, 0)
    assert len(spool) == 1

    spooling.handle(accounting_octets(ident=2), SENDER)
    spooling._retry_at = 0.0
    spooling.handle(accounting_octets(ident=3), SENDER)
    later(spooling, 0)

    assert len(spool) == 0
    assert len(store.events) == 3


def test_packets_that_were_read_are_answered_before_stopping(accounting, sock, store):
    accounting.handle(accounting_octets(), SENDER)
    accounting.finish()
    accounting._send_answers()

    assert len(store.events) == len(sock.sent) == 1


def test_stopping_does_not_wait_for_a_database_that_is_down(accounting, sock, store):
    store.errors = [unavailable()] * 100
    accounting.handle(accounting_octets(), SENDER)
    accounting.finish()

    assert not sock.sent


def test_spooled_packets_keep_the_time_they_were_received(spooling, store, shared):
    store.errors = [unavailable()]
    received_at = shared.clock.now()
    spooling.handle(accounting_octets(1), SENDER)
    later(spooling, 0.0)
    shared.clock.advance(hours=2)

    later(spooling)
    assert store.events[0].row["acctstarttime"] == received_at
    assert store.events[0].row["router_id"] == "router-1"


def test_spooled_packets_of_a_removed_router_are_written(spooling, store, shared):
    store.errors = [unavailable()]
    spooling.handle(accounting_octets(1), SENDER)
    later(spooling, 0.0)
    shared.index.nas = {}

    later(spooling)
    assert store.events[0].row["nasipaddress"] == SENDER[0]
    assert "router_id" not in store.events[0].row


def test_with_a_full_spool_packets_wait_unanswered(spooling, sock, store, monkeypatch):
    monkeypatch.setattr("radius_svc.listener.accounting.spool.CAPACITY", 1)
    store.errors = [unavailable(), unavailable()]
    for ident in (1, 2):
        spooling.handle(accounting_octets(ident), SENDER)
        later(spooling, 0.0)
    assert len(sock.sent) == 1

    later(spooling)
    later(spooling)
    assert len(store.events) == 2


def test_the_backlog_has_a_limit(accounting, sock, store):
    accounting.backlog_limit = 10
    for ident in range(50):
        accounting.handle(accounting_octets(ident), SENDER)

    later(accounting)
    assert len(store.events) == 10


def test_unknown_status_types_are_acknowledged(accounting, sock, store):
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=1)
    request["Acct-Status-Type"] = 9  # Tunnel-Start
    accounting.handle(request.RequestPacket(), SENDER)

    assert len(sock.sent) == 1
    assert store.events == []


@pytest.mark.parametrize("missing", ["Acct-Status-Type", "Acct-Session-Id"])
def test_accounting_without_required_attributes_is_malformed(accounting, sock, missing):
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=1)
    for name, value in {"Acct-Status-Type": "Start", "Acct-Session-Id": "1"}.items():
        if name != missing:
            request[name] = value
    accounting.handle(request.RequestPacket(), SENDER)
    later(accounting)

    assert sock.sent == []


# Refusals


def test_repeated_rejects_are_delayed_and_recorded_as_repeated(authentication, sock, recorder):
    for ident in range(MAX_PROMPT_REJECTS + 2):
        authentication.handle(access_octets(Method.PAP, ident=ident, password="wrong"), SENDER)
    assert len(sock.sent) == MAX_PROMPT_REJECTS
    assert (
        recorder.rejects == [("wrong_password", False)] * MAX_PROMPT_REJECTS + [("wrong_password", True)] * 2
    )

    later(authentication, REJECT_DELAY_SECONDS)
    assert len(sock.sent) == MAX_PROMPT_REJECTS + 2
    assert {reply[0] for reply, _ in sock.sent} == {3}


def test_a_delayed_reject_is_sent_once_despite_retransmissions(authentication, sock):
    for ident in (*range(MAX_PROMPT_REJECTS + 1), MAX_PROMPT_REJECTS, MAX_PROMPT_REJECTS):
        authentication.handle(access_octets(Method.PAP, ident=ident, password="wrong"), SENDER)
    later(authentication, REJECT_DELAY_SECONDS)

    assert len(sock.sent) == MAX_PROMPT_REJECTS + 1


def test_the_right_password_is_accepted_at_once_during_a_storm(authentication, sock):
    for ident in range(MAX_PROMPT_REJECTS + 5):
        authentication.handle(access_octets(Method.PAP, ident=ident, password="wrong"), SENDER)
    authentication.handle(access_octets(Method.PAP, ident=99), SENDER)

    assert sock.sent[-1][0][:2] == bytes((2, 99))


def test_a_storm_delays_no_other_login(authentication, sock):
    for ident in range(MAX_PROMPT_REJECTS + 5):
        authentication.handle(access_octets(Method.PAP, ident=ident, password="wrong"), SENDER)
    authentication.handle(access_octets(Method.PAP, "pedro", ident=99), SENDER)

    assert sock.sent[-1][0][:2] == bytes((3, 99))


def test_unsigned_password_that_decrypts_to_noise_means_a_wrong_secret(
    authentication, shared, recorder, sock
):
    shared.index.nas = {NAS.address: replace(NAS, require_message_authenticator=False)}
    authentication.handle(access_octets(Method.PAP, secret=b"another secret", signed=False), SENDER)
    authentication.handle(access_octets(Method.PAP, ident=2, password="mistyped", signed=False), SENDER)

    assert [reason for reason, _ in recorder.rejects] == ["secret_mismatch", "wrong_password"]
    assert recorder.mismatches == ["tower"]


def test_an_unexpected_error_drops_only_one_packet(limited, watch, sock, monkeypatch):
    def fail(*_):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(watch, "may_exceed", fail)
        limited.handle(access_octets(Method.PAP), SENDER)
    limited.handle(access_octets(Method.PAP, ident=2), SENDER)
    watch.checks[0].exceeded = False
    later(limited, 0.0)
    assert [reply[:2] for reply, _ in sock.sent] == [bytes((2, 2))]


# Simultaneous-Use


@pytest.fixture
def limited(authentication, shared):
    juan = shared.index.logins["juan"]
    shared.index.logins["juan"] = replace(juan, session_limit=1)
    return authentication


def test_a_login_near_its_limit_waits_for_the_check(limited, watch, sock):
    limited.handle(access_octets(Method.MSCHAP2), SENDER)
    assert sock.sent == []

    watch.checks[0].exceeded = False
    later(limited, 0.0)
    assert [reply[0] for reply, _ in sock.sent] == [2]


def test_a_login_over_its_limit_is_refused(limited, watch, sock, recorder):
    limited.handle(access_octets(Method.MSCHAP2), SENDER)
    watch.checks[0].exceeded = True
    later(limited, 0.0)

    assert [reply[0] for reply, _ in sock.sent] == [3]
    assert recorder.rejects == [("too_many_sessions", False)]


def test_the_login_is_accepted_if_the_check_takes_too_long(limited, sock):
    limited.handle(access_octets(Method.PAP), SENDER)
    later(limited, 0.4)
    assert sock.sent == []

    later(limited, 0.6)
    assert [reply[0] for reply, _ in sock.sent] == [2]


def test_a_retransmission_waits_for_the_same_check(limited, watch, sock):
    for _ in range(3):
        limited.handle(access_octets(Method.PAP), SENDER)
    assert len(watch.checks) == 1

    watch.checks[0].exceeded = False
    later(limited, 0.0)
    assert len(sock.sent) == 1


def test_a_wrong_password_is_refused_regardless_of_the_limit(limited, watch, sock):
    limited.handle(access_octets(Method.PAP, password="wrong"), SENDER)

    assert watch.checks == []
    assert [reply[0] for reply, _ in sock.sent] == [3]
