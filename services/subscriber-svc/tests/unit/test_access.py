from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from contracts.common import InvalidInput
from contracts.holds import DEFAULT_RESTORE_DAYS, MAX_RESTORE_DAYS, HoldReason
from subscriber_svc.domain.access import check_placed_by_hand, restored_until

NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)


def test_only_billing_places_overdue_holds():
    for reason in HoldReason:
        if reason is HoldReason.OVERDUE:
            with pytest.raises(InvalidInput, match="overdue holds are placed by billing only"):
                check_placed_by_hand(reason)
        else:
            check_placed_by_hand(reason)


def test_restore_lasts_three_days_unless_the_operator_says_otherwise():
    assert DEFAULT_RESTORE_DAYS == 3
    assert restored_until(None, NOW) == NOW + timedelta(days=3)
    assert restored_until(NOW + timedelta(hours=1), NOW) == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    "delta", [timedelta(0), timedelta(days=-1), timedelta(days=MAX_RESTORE_DAYS, seconds=1)]
)
def test_restore_until_the_past_or_far_future_is_refused(delta):
    with pytest.raises(InvalidInput, match="must be") as refused:
        restored_until(NOW + delta, NOW)
    assert [wrong.field for wrong in refused.value.errors] == ["until"]
