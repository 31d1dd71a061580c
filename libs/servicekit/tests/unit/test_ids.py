import time
import uuid
from datetime import UTC, datetime, timedelta

from servicekit import ids
from servicekit.ids import first_id_at, made_at, new_id


def test_ids_are_uuid_version_7():
    made = uuid.UUID(new_id())

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_sort_by_creation_within_a_millisecond():
    made = [new_id() for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_keep_increasing_when_the_clock_goes_back(monkeypatch):
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_600_000_000 * 10**9)

    assert new_id() > before


def test_id_tells_when_it_was_made(monkeypatch):
    monkeypatch.setattr(ids, "_last_tick", 0)
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_123_999_999)

    assert made_at(new_id()) == datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(milliseconds=123)


def test_first_id_of_an_instant_separates_earlier_from_later_ids():
    earlier = new_id()
    time.sleep(0.002)
    instant = datetime.now(UTC)
    time.sleep(0.002)

    assert earlier < first_id_at(instant) < new_id()
