"""Restoring a service for a time: it stays up despite its overdue hold until the exemption ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.common import Conflict, InvalidInput, NotFound
from contracts.holds import CancelExemption, ExemptionKind, HoldReason, ReleaseHold, RestoreService
from contracts.subscriber import (
    ServiceExempted,
    ServiceExemptionEnded,
    ServiceHoldReleased,
    ServiceStatus,
    TerminateService,
)
from contracts.subscriber_lists import SubscriberQuery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servicekit.ids import new_id
from subscriber_svc.usecases import exemptions
from testkit.component import while_held
from testkit.soak import examples


@pytest.fixture
def pedro(subscribers):
    """A service with an overdue hold."""
    service = subscribers.service("pedro.reyes", "Pedro Reyes")
    subscribers.overdue(service)
    subscribers.new_events()
    return service


def status(subscribers, service) -> ServiceStatus:
    return subscribers.api.get_service(service.id).status


def test_restored_service_is_suspended_again_after_three_days(subscribers, pedro):
    now = subscribers.runtime.now()
    restored = subscribers.restore(pedro, note="pays on Friday")
    assert restored.status is ServiceStatus.ACTIVE
    (exemption,) = restored.exemptions
    assert (exemption.kind, exemption.starts_at, exemption.until, exemption.author, exemption.note) == (
        ExemptionKind.TEMPORARY_RESTORE,
        now,
        now + timedelta(days=3),
        "ana",
        "pays on Friday",
    )
    assert subscribers.reasons(pedro) == {"overdue"}  # the bill is still unpaid
    (event,) = subscribers.new_events()
    assert (type(event), event.service.status) == (ServiceExempted, ServiceStatus.ACTIVE)
    assert event.exemption == exemption

    subscribers.tested.clock.advance(days=3, seconds=-1)
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.ACTIVE
    subscribers.tested.clock.advance(seconds=1)
    assert status(subscribers, pedro) is ServiceStatus.SUSPENDED  # even before the job ran
    subscribers.tick()
    (event,) = subscribers.new_events()
    assert (type(event), event.service.status) == (ServiceExemptionEnded, ServiceStatus.SUSPENDED)
    assert (event.exemption.ended_at, event.exemption.ended_by) == (now + timedelta(days=3), None)
    subscribers.tick()
    assert subscribers.new_events() == []


def test_exemption_that_ended_during_downtime_ends_at_the_next_start(subscribers, pedro):
    subscribers.restore(pedro)
    subscribers.new_events()
    subscribers.tested.clock.advance(days=11)
    subscribers.tick()
    (event,) = subscribers.new_events()
    assert event.service.status is ServiceStatus.SUSPENDED


def test_releasing_an_overdue_hold_restores_the_service_only_for_a_time(subscribers, pedro):
    (hold,) = subscribers.api.get_service(pedro.id).holds
    command = ReleaseHold(service_id=pedro.id, hold_id=hold.id, actor="ana")
    released = subscribers.api.release_hold(command)
    assert released.status is ServiceStatus.ACTIVE
    assert subscribers.api.release_hold(command) == released  # a repeat changes nothing
    assert len(subscribers.new_events()) == 1
    subscribers.tested.clock.advance(days=3)
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.SUSPENDED


def test_payment_during_a_restore_ends_hold_and_exemption(subscribers, pedro):
    subscribers.restore(pedro)
    subscribers.new_events()
    subscribers.settled(pedro.subscriber_id)
    events = subscribers.new_events()
    assert [type(event) for event in events] == [ServiceHoldReleased, ServiceExemptionEnded]
    assert {event.service.status for event in events} == {ServiceStatus.ACTIVE}
    subscribers.tested.clock.advance(days=30)
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.ACTIVE
    # The exemption was for the bill that was paid: the next one suspends.
    subscribers.overdue(pedro, sequence=3)
    assert status(subscribers, pedro) is ServiceStatus.SUSPENDED


def test_payment_after_a_restore_releases_the_hold(subscribers, pedro):
    subscribers.restore(pedro)
    subscribers.tested.clock.advance(days=4)
    subscribers.settled(pedro.subscriber_id)  # before the job has seen that the exemption is over
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.ACTIVE


def test_restore_does_not_lift_an_admin_hold(subscribers, pedro):
    subscribers.hold(pedro)
    assert subscribers.restore(pedro).status is ServiceStatus.SUSPENDED
    admin = next(one for one in subscribers.api.get_service(pedro.id).holds if one.reason is HoldReason.ADMIN)
    free = subscribers.api.release_hold(ReleaseHold(service_id=pedro.id, hold_id=admin.id))
    assert free.status is ServiceStatus.ACTIVE


def test_canceled_exemption_suspends_at_once(subscribers, pedro):
    (exemption,) = subscribers.restore(pedro).exemptions
    subscribers.new_events()
    command = CancelExemption(service_id=pedro.id, exemption_id=exemption.id, actor="ben")
    canceled = subscribers.api.cancel_exemption(command)
    assert (canceled.status, canceled.exemptions[0].ended_by) == (ServiceStatus.SUSPENDED, "ben")
    (event,) = subscribers.new_events()
    assert (type(event), event.service.status) == (ServiceExemptionEnded, ServiceStatus.SUSPENDED)
    assert subscribers.api.cancel_exemption(command) == canceled
    with pytest.raises(NotFound):
        subscribers.api.cancel_exemption(CancelExemption(service_id=pedro.id, exemption_id="none"))


def test_second_restore_replaces_the_first_without_an_interruption(subscribers, pedro):
    subscribers.restore(pedro)
    subscribers.new_events()
    subscribers.tested.clock.advance(days=1)
    until = subscribers.runtime.now() + timedelta(days=7)
    again = subscribers.restore(pedro, until=until)
    assert [(one.until, one.ended_by) for one in again.exemptions] == [
        (subscribers.runtime.now() + timedelta(days=2), "ana"),
        (until, None),
    ]
    events = subscribers.new_events()
    assert [type(event) for event in events] == [ServiceExemptionEnded, ServiceExempted]
    assert {event.service.status for event in events} == {ServiceStatus.ACTIVE}
    assert [event.service.version for event in events] == [again.version - 1, again.version]
    subscribers.tested.clock.advance(days=6)
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.ACTIVE


def test_repeated_restore_command_has_one_effect(subscribers, pedro):
    first = subscribers.restore(pedro, idempotency_key="click")
    assert subscribers.restore(pedro, idempotency_key="click") == first
    assert len(first.exemptions) == len(subscribers.api.get_service(pedro.id).exemptions) == 1


def test_restore_without_an_overdue_hold_or_until_the_past_is_refused(subscribers, pedro):
    other = subscribers.service("juan.delacruz")
    with pytest.raises(Conflict, match="has no overdue hold"):
        subscribers.restore(other)
    with pytest.raises(InvalidInput):
        subscribers.restore(pedro, until=subscribers.runtime.now())
    with pytest.raises(NotFound):
        subscribers.api.restore_service(RestoreService(service_id="none"))
    subscribers.api.terminate_service(TerminateService(service_id=pedro.id))
    with pytest.raises(Conflict, match="is terminated"):
        subscribers.restore(pedro)
    assert subscribers.api.get_service(pedro.id).exemptions == []


def test_exemption_of_a_terminated_service_ends_without_an_event(subscribers, pedro):
    subscribers.restore(pedro)
    subscribers.api.terminate_service(TerminateService(service_id=pedro.id))
    subscribers.new_events()
    subscribers.tested.clock.advance(days=4)
    subscribers.tick()
    assert subscribers.new_events() == []
    assert subscribers.api.get_service(pedro.id).exemptions[0].ended_at is not None
    latest = subscribers.api.list_hold_changes(1)[0]
    assert (latest.released, latest.by) == (True, "ana")  # its end suspended nothing


def test_lists_and_counts_show_a_restored_service_as_active(subscribers, pedro):
    def found(wanted: ServiceStatus) -> list[str]:
        page = subscribers.api.list_subscribers(SubscriberQuery(status=wanted), 50, None)
        return [one.full_name for one in page.items]

    assert found(ServiceStatus.SUSPENDED) == ["Pedro Reyes"]
    subscribers.restore(pedro)
    assert (found(ServiceStatus.ACTIVE), found(ServiceStatus.SUSPENDED)) == (["Pedro Reyes"], [])
    assert subscribers.api.count_services().suspended == 0
    subscribers.tested.clock.advance(days=3)
    assert found(ServiceStatus.SUSPENDED) == ["Pedro Reyes"]
    assert subscribers.api.count_services().suspended == 1


def test_restores_and_their_ends_are_among_the_latest_hold_changes(subscribers, pedro):
    def shown() -> list[tuple[bool, str, bool]]:
        changes = subscribers.api.list_hold_changes(10)
        return [(change.released, change.by, change.until is not None) for change in changes]

    subscribers.restore(pedro)
    subscribers.tested.clock.advance(days=1)
    subscribers.restore(pedro)  # replaces the first, which suspended nothing
    subscribers.tested.clock.advance(days=3)
    subscribers.tick()
    assert shown() == [
        (False, "", True),
        (True, "ana", True),
        (True, "ana", True),
        (False, "billing", False),
    ]
    subscribers.settled(pedro.subscriber_id)
    assert shown()[0] == (True, "billing", False)


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_restore_while_the_account_is_settled_leaves_the_service_up(subscribers, pedro):
    """Whichever comes first, the payer is not cut."""
    replica = subscribers.tested.another().runtime
    command = RestoreService(service_id=pedro.id, until=replica.now() + timedelta(days=1))

    def settle():
        subscribers.settled(pedro.subscriber_id)

    while_held(
        subscribers.tested,
        lambda session: exemptions.restore_service(session, command, now=replica.now()),
        settle,
    )
    subscribers.tested.clock.advance(days=2)
    subscribers.tick()
    assert status(subscribers, pedro) is ServiceStatus.ACTIVE


STEPS = st.one_of(
    st.just(("overdue", 0)),
    st.just(("paid", 0)),
    st.tuples(st.just("restore"), st.integers(min_value=1, max_value=4)),
    st.just(("cancel", 0)),
    st.tuples(st.sampled_from(["hold", "release"]), st.sampled_from([HoldReason.ADMIN, HoldReason.VACATION])),
    st.tuples(st.just("wait"), st.integers(min_value=1, max_value=3)),
    st.just(("tick", 0)),
)


@pytest.mark.parametrize("tested", ["sqlite"], indirect=True)
@given(steps=st.lists(STEPS, max_size=15))
@settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_histories_keep_a_service_up_iff_no_hold_is_uncovered(subscribers, steps):
    """The service agrees with a set of holds and a deadline; what RADIUS was sent agrees after each tick."""
    service = subscribers.service(f"login-{new_id()}")
    held: set[HoldReason] = set()
    deadline, sequence, published = subscribers.runtime.now(), 0, ServiceStatus.ACTIVE
    for what, value in steps:
        now = subscribers.runtime.now()
        if what == "overdue":
            sequence += 1
            subscribers.overdue(service, sequence=sequence)
            held.add(HoldReason.OVERDUE)
        elif what == "paid":
            sequence += 1
            subscribers.settled(service.subscriber_id, sequence=sequence)
            held.discard(HoldReason.OVERDUE)
            deadline = now
        elif what == "restore" and HoldReason.OVERDUE in held:
            deadline = now + timedelta(days=value)
            subscribers.restore(service, until=deadline)
        elif what == "cancel":
            for one in subscribers.api.get_service(service.id).exemptions:
                subscribers.api.cancel_exemption(CancelExemption(service_id=service.id, exemption_id=one.id))
            deadline = now
        elif what == "hold":
            subscribers.hold(service, value)
            held.add(value)
        elif what == "release":
            for hold in subscribers.api.get_service(service.id).standing_holds:
                if hold.reason is value:
                    subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=hold.id))
            held.discard(value)
        elif what == "wait":
            subscribers.tested.clock.advance(days=value)
        elif what == "tick":
            subscribers.tick()
        covered = {HoldReason.OVERDUE} if subscribers.runtime.now() < deadline else set()
        expected = ServiceStatus.SUSPENDED if held - covered else ServiceStatus.ACTIVE
        assert status(subscribers, service) is expected
        for event in subscribers.new_events():
            if event.service.id == service.id:  # not a service of an earlier history, restored until now
                published = event.service.status
        if what == "tick":
            assert published is expected
