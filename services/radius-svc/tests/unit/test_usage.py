from __future__ import annotations

import pytest
from radius_svc.domain.usage import MAX_AT_ONCE, new_octets


@pytest.mark.parametrize(
    ("counted", "counter", "new"),
    [(0, 0, 0), (0, 700, 700), (700, 700, 0), (700, 1_000, 300), (700, 50, 50)],
)
def test_what_is_new_is_the_growth_and_all_of_a_counter_that_began_again(counted, counter, new):
    assert new_octets(counted, counter) == new


def test_a_counter_that_a_router_made_up_is_cut():
    assert new_octets(0, (1 << 63) - 1) == MAX_AT_ONCE
