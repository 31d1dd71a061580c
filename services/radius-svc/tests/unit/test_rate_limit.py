from __future__ import annotations

import pytest
from radius_svc.domain.rate_limit import Burst, Speed, mikrotik_rate_limit

PLAN = Speed(download_kbit=50_000, upload_kbit=10_000)


def test_upload_comes_first():
    assert mikrotik_rate_limit(PLAN) == "10M/50M"


def test_speeds_that_are_not_whole_megabits_are_in_kilobits():
    assert mikrotik_rate_limit(Speed(download_kbit=1536, upload_kbit=256)) == "256k/1536k"


def test_burst_has_limit_threshold_and_time_in_this_order():
    burst = Burst(
        limit=Speed(download_kbit=100_000, upload_kbit=20_000),
        threshold=Speed(download_kbit=40_000, upload_kbit=8_000),
        seconds=8,
    )

    assert mikrotik_rate_limit(PLAN, burst) == "10M/50M 20M/100M 8M/40M 8/8"


def test_burst_below_the_speed_is_refused():
    with pytest.raises(ValueError, match="below the speed"):
        mikrotik_rate_limit(PLAN, Burst(limit=Speed(49_000, 10_000), threshold=Speed(1, 1), seconds=1))


def test_speed_and_burst_time_of_zero_are_refused():
    with pytest.raises(ValueError, match="above 0"):
        Speed(download_kbit=0, upload_kbit=1)
    with pytest.raises(ValueError, match="above 0"):
        Burst(limit=PLAN, threshold=PLAN, seconds=0)
