from __future__ import annotations

import pytest
from radius_svc.domain.usage import MAX_AT_ONCE, new_octets


@pytest.mark.parametrize(
    ("counted", "counter", "new"),
    [(0, 0, 0), (0, 700, 700), (700, 700, 0), (700, 1_000, 300), (700, 50, 50)],
)
def test_new_octets_are_the_growth_or_all_after_a_restart(counted, counter, new):
    assert new_octets(counted, counter) == new


def test_absurd_counters_are_capped():
    assert new_octets(0, (1 << 63) - 1) == MAX_AT_ONCE
