from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from radius_svc.domain.simultaneous_use import Dial, OpenSession, boot_digit, exceeds_limit, mac

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOME, ELSEWHERE = "02:00:00:00:00:0A", "02:00:00:00:00:0B"


def session(station=ELSEWHERE, session_id="81000001", router="tower", minutes_ago=1.0):
    return OpenSession(station, session_id, router, NOW - timedelta(minutes=minutes_ago))


def dial(station=HOME, session_id="81000002", router="tower"):
    return Dial(station, session_id, router)


def test_a_session_of_another_home_counts():
    assert exceeds_limit([session()], 1, dial(), NOW)
    assert not exceeds_limit([session()], 2, dial(), NOW)
    assert exceeds_limit([session(), session("02:00:00:00:00:0C")], 2, dial(), NOW)


@pytest.mark.parametrize("written", [HOME, "02-00-00-00-00-0a", "0200.0000.000a"])
def test_a_home_that_dials_again_is_let_in(written):
    assert not exceeds_limit([session(written)], 1, dial(), NOW)


def test_a_session_silent_for_three_interims_does_not_count():
    assert exceeds_limit([session(minutes_ago=14)], 1, dial(), NOW)
    assert not exceeds_limit([session(minutes_ago=17)], 1, dial(), NOW)


def test_sessions_of_an_earlier_boot_of_the_same_router_do_not_count():
    assert not exceeds_limit([session(session_id="81000001")], 1, dial(session_id="81100001"), NOW)
    assert exceeds_limit([session(session_id="81000001", router="hill")], 1, dial(session_id="81100001"), NOW)


def test_the_session_of_this_dial_does_not_count():
    assert not exceeds_limit([session(session_id="81000002")], 1, dial(), NOW)


def test_without_a_station_a_session_counts():
    assert exceeds_limit([session(None)], 1, dial(None), NOW)


def test_mac_addresses_compare_in_any_notation():
    assert mac("02:00:00:AA:bb:CC") == mac("0200-00AA-BBCC")
    assert mac("") is None


def test_only_session_ids_of_mikrotik_have_a_boot_digit():
    assert boot_digit("81F00012") == "f"
    assert boot_digit("6b02939c") is None
    assert boot_digit(None) is None
