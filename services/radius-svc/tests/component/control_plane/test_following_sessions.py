"""Which sessions follow a change, and how a request identifies them."""

from __future__ import annotations

import pytest
from radius_svc.protocol import coa
from radius_svc.protocol.packet import (
    ACCT_SESSION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    USER_NAME,
    Request,
    readable,
)
from radius_svc.usecases.following import rounds
from radius_svc.usecases.following.asking import _attributes


def test_a_session_from_after_the_change_is_left_alone(control):
    service = control.hold(control.service())
    live = control.dial(service, fenced=True)
    control.follow()
    assert control.asked() == []
    assert live.online
    assert control.statuses(service) == ["done"]


def test_a_session_let_in_fenced_just_before_its_restore_follows(control):
    service = control.hold(control.service())
    service = control.release(service)
    live = control.dial(service, fenced=True)
    control.follow()
    assert not live.online


def test_all_sessions_of_the_service_follow_and_no_others(control):
    juan, ana = control.service(), control.service("ana")
    sessions = [control.dial(juan), control.dial(juan)]
    other = control.dial(ana)
    stopped = control.dial(juan)
    control.stop(stopped)
    control.hold(juan)
    control.follow()

    assert [live.online for live in sessions] == [False, False]
    assert other.online and stopped.online
    assert len(control.attempts(juan)) == 2


def test_a_removed_router_keeps_the_change_pending(control):
    service = control.service()
    live = control.dial(service)
    control.deregister(version=2)
    service = control.hold(service)
    control.follow()
    assert control.statuses(service) == ["pending"]

    control.register(version=3)
    control.end_pauses()
    control.follow()
    assert control.statuses(service) == ["done"]
    assert not live.online


def test_a_removed_router_does_not_delay_other_sessions(control):
    service = control.service()
    control.dial(service, router_id="gone")
    live = control.dial(service)
    control.hold(service)
    control.follow()
    assert not live.online


def test_a_name_beyond_ascii_reaches_the_router_unchanged(control):
    service = control.service("josé-ñandú")
    live = control.dial(service)
    control.kick(service)
    control.follow()
    assert not live.online


@pytest.mark.parametrize(
    "odd",
    [
        {"username": "x" * 254},
        {"acctsessionid": "9" * 300},
        {"nasipaddress": "2001:db8::1"},
        {"nasipaddress": "::ffff:10.0.0.1"},
    ],
)
def test_invalid_rows_do_not_stop_the_other_sessions(control, odd):
    service = control.service()
    control.dial(service, **odd)
    other = control.dial(service)
    control.hold(service)
    control.follow()

    assert not other.online
    (change,) = control.changes(service)
    assert change.status.value == "done" or change.rounds == 1


# Identity: a session is identified by the attributes its NAS sent (RFC 5176 section 3).


@pytest.mark.parametrize(
    ("name", "session_id"),
    [
        (b"juan", b"8100001B"),
        (b"juan", b"%lX6b02939c%hX"),  # pppd's radius plugin
        ("josé".encode(), b"\\xff"),
        (b"caf\xe9", b"\xff\0\\x00"),
    ],
)
def test_names_go_back_octet_for_octet(control, name, session_id):
    service = control.service()
    control.dial(service, username=readable(name), acctsessionid=readable(session_id))
    control.kick(service)
    packet = request_of(control)
    assert (packet.attributes[USER_NAME], packet.attributes[ACCT_SESSION_ID]) == (name, session_id)


def test_the_reported_address_may_differ_from_the_source(control):
    service = control.service()
    control.dial(service, nasipaddress="192.168.88.1")
    control.kick(service)
    packet = request_of(control)
    assert packet.address(NAS_IP_ADDRESS) == "192.168.88.1"
    assert packet.address(FRAMED_IP_ADDRESS) == "10.64.0.1"


def test_the_reported_address_may_be_ipv6(control):
    service = control.service()
    control.dial(service, nasipaddress="2001:db8::1")
    control.kick(service)
    packet = request_of(control)
    assert packet.address(NAS_IPV6_ADDRESS) == "2001:db8::1"
    assert NAS_IP_ADDRESS not in packet.attributes


def request_of(control) -> Request:
    """The packet of the next request."""
    (change_id,) = control.due()
    with control.runtime.reading() as session:
        work = rounds.load_work(session, change_id)
    (live,) = work.sessions
    return Request(coa._signed(coa.DISCONNECT_REQUEST, _attributes(live.requests[0], live), b"secret"))
