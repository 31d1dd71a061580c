from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from servicekit.clock import FrozenClock, MovableClock, SystemClock, clock_of, local_date

MANILA = ZoneInfo("Asia/Manila")
TOLERANCE = timedelta(seconds=5)


def test_local_date_changes_at_midnight_in_manila():
    assert local_date(datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), MANILA) == date(2026, 11, 22)
    assert local_date(datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC), MANILA) == date(2026, 11, 23)


def test_instant_without_a_time_zone_has_no_local_date():
    with pytest.raises(ValueError, match="needs a time zone"):
        local_date(datetime(2026, 11, 23, 8), MANILA)  # noqa: DTZ001 - that is the point


def test_moved_clock_is_moved_for_every_process_and_keeps_running(tmp_path):
    one, other = (
        MovableClock(tmp_path / "data" / "clock.json"),
        MovableClock(tmp_path / "data" / "clock.json"),
    )
    assert abs(other.now() - datetime.now(UTC)) < TOLERANCE

    instant = datetime(2027, 1, 31, tzinfo=UTC)
    one.move_to(instant)
    assert instant <= other.now() < instant + TOLERANCE

    one.move_to(instant - timedelta(days=40))
    assert other.now() < instant - timedelta(days=39)
    assert other.now() <= other.now()


def test_clock_cannot_be_moved_to_an_instant_without_a_time_zone(tmp_path):
    with pytest.raises(ValueError, match="needs a time zone"):
        MovableClock(tmp_path / "clock.json").move_to(datetime(2027, 1, 31))  # noqa: DTZ001


def test_movable_clock_is_kept_in_the_data_folder(tmp_path):
    assert isinstance(clock_of(tmp_path, movable=False), SystemClock)

    clock = clock_of(tmp_path, movable=True)
    clock.move_to(datetime(2027, 1, 31, tzinfo=UTC))
    assert (tmp_path / "clock.json").exists()


def test_frozen_clock_stands_still():
    clock = FrozenClock(datetime(2026, 11, 23, tzinfo=UTC))
    clock.advance(days=8)

    assert clock.now() == clock.now() == datetime(2026, 12, 1, tzinfo=UTC)
