from __future__ import annotations

import pytest
from contracts.common import InvalidInput
from contracts.subscriber import HoldReason, ServiceStatus
from hypothesis import given
from hypothesis import strategies as st
from subscriber_svc.domain.access import check_placed_by_hand, status_of


@given(st.sets(st.sampled_from(HoldReason)))
def test_up_only_with_no_hold_and_terminated_whatever_is_held(standing: set[HoldReason]):
    up = status_of(terminated=False, standing=standing)
    assert up is (ServiceStatus.SUSPENDED if standing else ServiceStatus.ACTIVE)
    assert status_of(terminated=True, standing=standing) is ServiceStatus.TERMINATED


def test_overdue_is_the_word_of_billing_alone():
    for reason in HoldReason:
        if reason is HoldReason.OVERDUE:
            with pytest.raises(InvalidInput, match="overdue holds are placed by billing only"):
                check_placed_by_hand(reason)
        else:
            check_placed_by_hand(reason)
