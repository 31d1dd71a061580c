"""Samples of how many sessions are open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from radius_svc import jobs
from radius_svc.models import OnlineCount
from radius_svc.queries import usage
from radius_svc.usecases import online_samples
from sqlalchemy import select

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def shown(control, hours=1, now=NOON):
    with control.runtime.reading() as session:
        found = usage.list_online_samples(session, hours, now=now)
    return [(sample.at, sample.sessions) for sample in found]


def kept(control):
    with control.runtime.reading() as session:
        return list(session.scalars(select(OnlineCount.at).order_by(OnlineCount.at)))


def note(control, *instants):
    with control.runtime.transaction() as session:
        session.add_all([OnlineCount(at=at, sessions=7) for at in instants])


def test_there_is_one_sample_per_five_minutes(control):
    control.dial(control.service())
    for seconds in (3, 33, 299, 301):
        jobs.sample_online(control.runtime, NOON + timedelta(seconds=seconds))
    assert kept(control) == [NOON, NOON + timedelta(minutes=5)]
    assert shown(control, now=NOON + timedelta(minutes=6))[:2] == [
        (NOON, 1),
        (NOON + timedelta(minutes=5), 1),
    ]


def test_two_replicas_store_one_sample(control, monkeypatch):
    """Even if both see that there is none yet."""
    other = control.tested.another().runtime
    monkeypatch.setattr(online_samples, "is_taken", lambda *_: False)
    jobs.sample_online(control.runtime, NOON)
    control.dial(control.service())
    jobs.sample_online(other, NOON + timedelta(seconds=1))
    other.database.close()
    assert kept(control) == [NOON]
    assert shown(control, now=NOON)[0] == (NOON, 0)


def test_the_current_count_comes_last(control):
    note(control, NOON - timedelta(minutes=10))
    live = control.dial(control.service())
    assert shown(control) == [(NOON - timedelta(minutes=10), 7), (NOON, 1)]
    control.stop(live)
    assert shown(control)[-1] == (NOON, 0)
    at, sessions = (last := control.api.list_online_samples(1)[-1]).at, last.sessions
    assert (sessions, datetime.now(UTC) - at < timedelta(minutes=1)) == (0, True)


def test_only_the_requested_hours_are_returned(control):
    note(control, NOON - timedelta(hours=3), NOON - timedelta(hours=1, minutes=55))
    assert len(shown(control, hours=2)) == 2
    assert len(shown(control, hours=3)) == 2
    assert len(shown(control, hours=4)) == 3


@pytest.mark.parametrize("hours", [0, -5])
def test_at_least_one_hour_is_returned(control, hours):
    note(control, NOON - timedelta(minutes=55))
    assert len(shown(control, hours=hours)) == 2


def test_samples_of_a_long_time_are_thinned_consistently(control):
    every = timedelta(minutes=5)
    note(control, *(NOON - number * every for number in range(24 * 31 * 12 + 50)))
    month = shown(control, hours=24 * 31)
    assert 250 < len(month) <= 301
    assert len(shown(control, hours=10**6)) == len(month)
    assert len(shown(control, hours=25)) == 301
    later = shown(control, hours=24 * 31, now=NOON + every)
    assert set(month[1:-1]) <= set(later)


def test_old_samples_are_deleted_in_batches(control, monkeypatch):
    monkeypatch.setattr(online_samples, "BATCH", 2)
    old = NOON - timedelta(days=401)
    note(control, *(old - timedelta(minutes=5 * number) for number in range(5)), NOON - timedelta(days=399))
    jobs.sample_online(control.runtime, NOON)
    assert kept(control) == [NOON - timedelta(days=399), NOON]
