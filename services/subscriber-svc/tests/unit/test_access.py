from __future__ import annotations

import pytest
from contracts.common import InvalidInput
from contracts.subscriber import HoldReason, ServiceStatus
from hypothesis import given
from hypothesis import strategies as st
from subscriber_svc.domain.access import check_placed_by_hand, status_of


@given(st.sets(st.sampled_from(HoldReason)))
def test_service_is_active_only_without_active_holds(standing: set[HoldReason]):
    live = status_of(terminated=False, standing=standing)
    assert live is (ServiceStatus.SUSPENDED if standing else ServiceStatus.ACTIVE)
    assert status_of(terminated=True, standing=standing) is ServiceStatus.TERMINATED


def test_only_billing_places_overdue_holds():
    for reason in HoldReason:
        if reason is HoldReason.OVERDUE:
            with pytest.raises(InvalidInput, match="overdue holds are placed by billing only"):
                check_placed_by_hand(reason)
        else:
            check_placed_by_hand(reason)
