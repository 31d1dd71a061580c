"""A service is up while every active hold on it is covered by an active exemption."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from contracts.access import COVERED, active_exemptions, covering, status_of, suspending_holds, was_suspended
from contracts.holds import ExemptionKind, ExemptionView, HoldReason, HoldView
from contracts.subscriber import ServiceStatus
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 12, 1, tzinfo=UTC)


def hold(reason: HoldReason, released_at: datetime | None = None) -> HoldView:
    return HoldView("h", reason, "ana", START, "", released_at, None)


def exemption(until: datetime, ended_at: datetime | None = None) -> ExemptionView:
    return ExemptionView("e", ExemptionKind.TEMPORARY_RESTORE, START, until, "ana", "", ended_at)


def status(holds: list[HoldView], exemptions: list[ExemptionView], at: datetime = START) -> ServiceStatus:
    return status_of(terminated=False, holds=holds, exemptions=exemptions, at=at)


@given(st.sets(st.sampled_from(HoldReason)))
def test_service_without_exemptions_is_active_only_without_active_holds(reasons):
    expected = ServiceStatus.SUSPENDED if reasons else ServiceStatus.ACTIVE
    assert status([hold(reason) for reason in reasons], []) is expected
    assert status([hold(reason, START) for reason in reasons], []) is ServiceStatus.ACTIVE
    assert status_of(terminated=True, holds=[], exemptions=[], at=START) is ServiceStatus.TERMINATED


def test_exemption_covers_an_overdue_hold_until_its_time_is_over():
    until = START + timedelta(days=3)
    held, exempted = [hold(HoldReason.OVERDUE)], [exemption(until)]
    assert status(held, exempted, START - timedelta(seconds=1)) is ServiceStatus.SUSPENDED
    assert status(held, exempted, START) is ServiceStatus.ACTIVE
    assert status(held, exempted, until - timedelta(seconds=1)) is ServiceStatus.ACTIVE
    assert status(held, exempted, until) is ServiceStatus.SUSPENDED
    assert status(held, [exemption(until, ended_at=START)], START) is ServiceStatus.SUSPENDED
    assert covering(HoldReason.OVERDUE, exempted, START) == exempted
    assert covering(HoldReason.ADMIN, exempted, START) == []


def test_no_exemption_covers_an_admin_or_abuse_hold():
    for covered in COVERED.values():
        assert not covered & {HoldReason.ADMIN, HoldReason.ABUSE}
    both = [hold(HoldReason.OVERDUE), hold(HoldReason.ADMIN)]
    exempted = [exemption(START + timedelta(days=3))]
    assert status(both, exempted) is ServiceStatus.SUSPENDED
    assert [one.reason for one in suspending_holds(both, exempted, START)] == [HoldReason.ADMIN]


def test_every_kind_of_exemption_says_what_it_covers():
    assert COVERED.keys() == set(ExemptionKind)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("place"), st.sampled_from(HoldReason)),
            st.tuples(st.just("release"), st.sampled_from(HoldReason)),
            st.tuples(st.just("exempt"), st.integers(min_value=1, max_value=5)),
            st.tuples(st.just("cancel"), st.none()),
            st.tuples(st.just("wait"), st.integers(min_value=1, max_value=3)),
        ),
        max_size=20,
    )
)
def test_service_is_up_exactly_while_no_active_hold_is_uncovered(steps):
    """A model with one set of reasons and one deadline agrees after each step of a random history."""
    now, ids = START, count()
    holds: list[HoldView] = []
    exemptions: list[ExemptionView] = []
    standing: set[HoldReason] = set()
    deadline = START
    for what, value in steps:
        if what == "place" and value not in standing:
            holds.append(HoldView(str(next(ids)), value, "ana", now, "", None, None))
            standing.add(value)
        elif what == "release":
            holds = [
                HoldView(one.id, one.reason, "ana", one.placed_at, "", one.released_at or now, "ben")
                if one.reason is value
                else one
                for one in holds
            ]
            standing.discard(value)
        elif what in ("exempt", "cancel"):
            exemptions = [
                ExemptionView(one.id, one.kind, one.starts_at, one.until, "ana", "", one.ended_at or now)
                for one in exemptions
            ]
            deadline = now
            if what == "exempt":
                deadline = now + timedelta(days=value)
                exemptions.append(
                    ExemptionView(str(next(ids)), ExemptionKind.TEMPORARY_RESTORE, now, deadline, "ana", "")
                )
        elif what == "wait":
            now += timedelta(days=value)
        left = standing - {HoldReason.OVERDUE} if now < deadline else standing
        assert (status(holds, exemptions, now) is ServiceStatus.ACTIVE) == (not left)
        assert {one.reason for one in suspending_holds(holds, exemptions, now)} == left
        assert len(active_exemptions(exemptions, now)) == (now < deadline)


def test_past_of_a_service_is_judged_by_what_was_active_then():
    hour = timedelta(hours=1)
    held = [hold(HoldReason.OVERDUE, released_at=START + 5 * hour), hold(HoldReason.ADMIN, START + hour)]
    exempted = [exemption(START + 4 * hour, ended_at=START + 3 * hour)]
    assert not was_suspended(held, exempted, START - hour)
    assert was_suspended(held, exempted, START)  # by the admin hold
    assert not was_suspended(held, exempted, START + hour)
    assert was_suspended(held, exempted, START + 3 * hour)
    assert not was_suspended(held, exempted, START + 5 * hour)
    assert was_suspended([hold(HoldReason.VACATION)], [], START + 99 * hour)
