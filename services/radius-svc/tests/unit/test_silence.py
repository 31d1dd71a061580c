"""When a session that stopped reporting is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from radius_svc.domain.silence import Hearing, Silence, hearing_at, is_over, patience

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def silent_for(minutes: float, **more) -> Silence:
    return Silence(**{"last_heard_at": ago(minutes), "has_reported": True} | more)


def heard_since(minutes: float) -> Hearing:
    return Hearing(steady_since=ago(minutes), looked_at=NOW)


class TestIsOver:
    def test_it_is_over_after_three_missed_reports(self):
        assert is_over(silent_for(17), heard_since(17), NOW)

    @pytest.mark.parametrize("minutes", [0, 5, 15, 16])
    def test_it_is_not_over_before_three_intervals_and_a_minute(self, minutes):
        assert not is_over(silent_for(minutes), heard_since(60), NOW)

    @pytest.mark.parametrize("minutes", [0, 5, 16])
    def test_after_an_outage_three_more_intervals_must_pass(self, minutes):
        """The session was silent for hours, like everything else."""
        assert not is_over(silent_for(300), heard_since(minutes), NOW)

    def test_it_is_not_over_while_its_router_is_silent(self):
        assert not is_over(silent_for(300), None, NOW)

    @pytest.mark.parametrize("longer", [{"configured_seconds": 1800}, {"measured_seconds": 1800}])
    def test_a_longer_interval_means_more_patience(self, longer):
        assert not is_over(silent_for(90, **longer), heard_since(300), NOW)
        assert is_over(silent_for(92, **longer), heard_since(300), NOW)
        assert not is_over(silent_for(92, **longer), heard_since(90), NOW)

    @pytest.mark.parametrize(
        "shorter", [{"configured_seconds": 60}, {"measured_seconds": 3}, {"configured_seconds": 0}]
    )
    def test_intervals_count_as_at_least_five_minutes(self, shorter):
        assert patience(silent_for(0, **shorter)) == timedelta(minutes=16)

    def test_a_session_not_configured_to_report_is_not_over(self):
        """Its router may not send interim reports for such sessions at all."""
        assert not is_over(silent_for(300, has_reported=False), heard_since(300), NOW)
        assert not is_over(silent_for(300, has_reported=False, configured_seconds=0), heard_since(300), NOW)

    def test_a_session_configured_to_report_that_never_did_is_over(self):
        assert is_over(silent_for(17, has_reported=False, configured_seconds=300), heard_since(17), NOW)


class TestHearing:
    def test_a_steady_period_starts_with_a_report(self):
        assert hearing_at(None, last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_a_steady_period_continues_between_checks(self):
        known = Hearing(ago(30), ago(1))
        assert hearing_at(known, last_report_at=ago(7), now=NOW) == Hearing(ago(30), NOW)

    def test_a_pause_of_an_interval_and_a_half_ends_the_period(self):
        assert hearing_at(Hearing(ago(30), ago(1)), last_report_at=ago(8), now=NOW) is None

    def test_a_gap_between_checks_restarts_the_period(self):
        """The server was down, or the clock was set forward."""
        assert hearing_at(Hearing(ago(30), ago(5)), last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_a_clock_set_back_restarts_the_period(self):
        known = Hearing(ago(30), NOW + MINUTE)
        assert hearing_at(known, last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_a_report_from_the_future_does_not_count(self):
        assert hearing_at(None, last_report_at=NOW + 2 * MINUTE, now=NOW) is None
        assert hearing_at(None, last_report_at=NOW + timedelta(seconds=1), now=NOW) is not None
