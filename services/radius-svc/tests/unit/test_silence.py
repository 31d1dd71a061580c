"""When the silence of a session is its own, and not its router's or ours."""

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
    def test_three_reports_missed_while_its_router_was_heard(self):
        assert is_over(silent_for(17), heard_since(17), NOW)

    @pytest.mark.parametrize("minutes", [0, 5, 15, 16])
    def test_not_before_three_intervals_and_a_minute_are_over(self, minutes):
        assert not is_over(silent_for(minutes), heard_since(60), NOW)

    @pytest.mark.parametrize("minutes", [0, 5, 16])
    def test_after_an_outage_not_before_three_fresh_intervals(self, minutes):
        """The session was silent for hours; so was everything else."""
        assert not is_over(silent_for(300), heard_since(minutes), NOW)

    def test_not_while_its_router_is_not_heard(self):
        assert not is_over(silent_for(300), None, NOW)

    @pytest.mark.parametrize("longer", [{"configured_seconds": 1800}, {"measured_seconds": 1800}])
    def test_a_longer_interval_takes_longer(self, longer):
        assert not is_over(silent_for(90, **longer), heard_since(300), NOW)
        assert is_over(silent_for(92, **longer), heard_since(300), NOW)
        assert not is_over(silent_for(92, **longer), heard_since(90), NOW)

    @pytest.mark.parametrize(
        "shorter", [{"configured_seconds": 60}, {"measured_seconds": 3}, {"configured_seconds": 0}]
    )
    def test_never_less_than_five_minutes_each(self, shorter):
        assert patience(silent_for(0, **shorter)) == timedelta(minutes=16)

    def test_one_that_never_reported_and_was_not_told_to(self):
        """Its router may not send interim reports of its kind at all."""
        assert not is_over(silent_for(300, has_reported=False), heard_since(300), NOW)
        assert not is_over(silent_for(300, has_reported=False, configured_seconds=0), heard_since(300), NOW)

    def test_one_that_was_told_to_report_and_never_did(self):
        assert is_over(silent_for(17, has_reported=False, configured_seconds=300), heard_since(17), NOW)


class TestHearing:
    def test_it_begins_when_a_report_is_heard(self):
        assert hearing_at(None, last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_it_goes_on_from_look_to_look(self):
        known = Hearing(ago(30), ago(1))
        assert hearing_at(known, last_report_at=ago(7), now=NOW) == Hearing(ago(30), NOW)

    def test_a_router_that_was_not_heard_for_longer_than_an_interval_and_a_half(self):
        assert hearing_at(Hearing(ago(30), ago(1)), last_report_at=ago(8), now=NOW) is None

    def test_a_time_in_which_nobody_looked_begins_it_anew(self):
        """We were down, or the clock was put forward."""
        assert hearing_at(Hearing(ago(30), ago(5)), last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_a_clock_that_was_put_back_begins_it_anew(self):
        known = Hearing(ago(30), NOW + MINUTE)
        assert hearing_at(known, last_report_at=ago(1), now=NOW) == Hearing(NOW, NOW)

    def test_a_report_from_the_future_is_none(self):
        assert hearing_at(None, last_report_at=NOW + 2 * MINUTE, now=NOW) is None
        assert hearing_at(None, last_report_at=NOW + timedelta(seconds=1), now=NOW) is not None
