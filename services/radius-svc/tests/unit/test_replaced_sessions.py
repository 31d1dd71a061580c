from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from radius_svc.domain.replaced_sessions import OpenLine, replaced_sessions

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOME, ELSEWHERE = "02:00:00:00:00:0A", "02:00:00:00:00:0B"


def line(
    id_: int, *, minutes: int = 0, username="juan", nas="tower", port="ether2", station=HOME
) -> OpenLine:
    return OpenLine(id_, username, nas, port, station, NOON + timedelta(minutes=minutes))


def test_the_newest_session_ends_all_older_ones_of_the_same_home():
    newest = NOON + timedelta(minutes=9)
    assert replaced_sessions([line(1), line(3, minutes=9), line(2, minutes=5)]) == {1: newest, 2: newest}


@pytest.mark.parametrize(
    "other", [{"username": "pedro"}, {"nas": "hill"}, {"port": "ether3"}, {"station": ELSEWHERE}]
)
def test_a_session_of_another_home_ends_nothing(other):
    assert replaced_sessions([line(1), line(2, minutes=5, **other)]) == {}


def test_a_session_without_a_mac_counts_as_the_same_home():
    assert replaced_sessions([line(1, station=None), line(2, minutes=5)]).keys() == {1}


def test_sessions_without_a_port_end_nothing():
    assert replaced_sessions([line(1, port=None), line(2, port=None, minutes=5)]) == {}


def test_sessions_that_started_at_the_same_moment_both_stay():
    assert replaced_sessions([line(1), line(2)]) == {}
