"""A service works while it has no active hold; a payment releases only overdue holds."""

from __future__ import annotations

import pytest
from contracts.billing import AccountOverdue, AccountSettled
from contracts.common import Conflict, InvalidInput, NotFound
from contracts.holds import HoldReason, PlaceHold, ReleaseHold
from contracts.money import Money
from contracts.subscriber import ServiceHoldPlaced, ServiceHoldReleased, ServiceStatus, TerminateService
from subscriber_svc.usecases import holds
from testkit.component import while_held


def test_hold_suspends_a_service_until_it_is_released(subscribers):
    service = subscribers.service()
    held = subscribers.hold(service, note="copper theft")
    assert held.status is ServiceStatus.SUSPENDED
    (hold,) = held.holds
    assert (hold.reason, hold.note, hold.placed_by) == (HoldReason.ADMIN, "copper theft", "ana")

    subscribers.tested.clock.advance(minutes=5)
    command = ReleaseHold(service_id=service.id, hold_id=hold.id, actor="ben")
    released = subscribers.api.release_hold(command)
    assert released.status is ServiceStatus.ACTIVE
    assert released.holds[0].released_by == "ben"
    placed_event, released_event = subscribers.new_events()
    assert type(placed_event) is ServiceHoldPlaced
    assert (placed_event.service.version, placed_event.service.status) == (2, ServiceStatus.SUSPENDED)
    assert type(released_event) is ServiceHoldReleased
    assert (released_event.service.version, released_event.service.status) == (3, ServiceStatus.ACTIVE)
    assert released_event.payment_id is None

    assert subscribers.api.release_hold(command) == released  # a repeat succeeds
    assert subscribers.new_events() == []


def test_second_hold_with_the_same_reason_changes_nothing(subscribers):
    service = subscribers.service()
    subscribers.hold(service, note="first")
    again = subscribers.hold(service, note="second")
    assert [hold.note for hold in again.holds] == ["first"]
    subscribers.hold(service, HoldReason.VACATION)
    assert subscribers.reasons(service) == {"admin", "vacation"}
    assert len(subscribers.new_events()) == 2


def test_service_is_suspended_until_its_last_hold_is_released(subscribers):
    service = subscribers.service()
    admin = subscribers.hold(service).holds[0]
    both = subscribers.hold(service, HoldReason.ABUSE)
    subscribers.new_events()
    still = subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=admin.id))
    assert still.status is ServiceStatus.SUSPENDED
    (event,) = subscribers.new_events()
    assert event.service.status is ServiceStatus.SUSPENDED
    abuse = both.holds[1]
    up = subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=abuse.id))
    assert up.status is ServiceStatus.ACTIVE


def test_hold_can_be_placed_again_after_its_release(subscribers):
    service = subscribers.service()
    hold = subscribers.hold(service).holds[0]
    subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=hold.id))
    assert subscribers.hold(service).status is ServiceStatus.SUSPENDED
    assert len(subscribers.api.get_service(service.id).holds) == 2


def test_repeated_command_does_not_place_a_released_hold_again(subscribers):
    service = subscribers.service()
    first = subscribers.hold(service, idempotency_key="click")
    subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=first.holds[0].id))
    assert subscribers.hold(service, idempotency_key="click") == first
    assert subscribers.reasons(service) == set()


def test_operators_cannot_place_overdue_holds(subscribers):
    service = subscribers.service()
    with pytest.raises(InvalidInput, match="overdue holds are placed by billing only"):
        subscribers.hold(service, HoldReason.OVERDUE)


def test_bad_holds_are_refused(subscribers):
    service = subscribers.service()
    with pytest.raises(NotFound):
        subscribers.api.place_hold(PlaceHold(service_id="none", reason=HoldReason.ADMIN))
    with pytest.raises(NotFound):
        subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id="none"))
    with pytest.raises(InvalidInput):
        subscribers.hold(service, note="x" * 501)
    subscribers.api.terminate_service(TerminateService(service_id=service.id))
    with pytest.raises(Conflict, match="is terminated"):
        subscribers.hold(service)
    assert subscribers.reasons(service) == set()


# Events of billing


def test_overdue_event_suspends_only_the_services_it_names(subscribers):
    first = subscribers.service()
    second = subscribers.add_service(first.subscriber_id, "juan.shop")
    stranger = subscribers.service("maria.santos", "Maria Santos")
    subscribers.new_events()
    overdue = AccountOverdue(
        subscriber_id=first.subscriber_id,
        sequence=1,
        service_ids=[first.id, stranger.id, "unknown"],
        overdue=Money(150_000),
        reason="5 days overdue",
    )
    with subscribers.runtime.transaction() as session:
        holds.suspend_overdue(session, overdue, now=subscribers.runtime.now())
    assert subscribers.reasons(first) == {"overdue"}
    assert subscribers.reasons(second) == subscribers.reasons(stranger) == set()
    (event,) = subscribers.new_events()
    assert (type(event), event.reason, event.service.id) == (ServiceHoldPlaced, HoldReason.OVERDUE, first.id)
    (hold,) = subscribers.api.get_service(first.id).holds
    assert (hold.placed_by, hold.note) == ("billing", "5 days overdue")


def test_settled_event_releases_overdue_holds_and_names_the_payment(subscribers):
    first = subscribers.service()
    second = subscribers.add_service(first.subscriber_id, "juan.shop")
    subscribers.overdue(first, second)
    subscribers.new_events()
    subscribers.settled(first.subscriber_id)
    events = subscribers.new_events()
    assert [type(event) for event in events] == [ServiceHoldReleased] * 2
    assert {event.payment_id for event in events} == {"payment"}
    assert {event.paid_at for event in events} == {subscribers.runtime.now()}
    assert all(event.service.status is ServiceStatus.ACTIVE for event in events)


def test_admin_hold_survives_payment(subscribers):
    maria = subscribers.service("maria.santos", "Maria Santos")
    subscribers.hold(maria)
    subscribers.overdue(maria)
    subscribers.new_events()
    subscribers.settled(maria.subscriber_id)
    assert subscribers.reasons(maria) == {"admin"}
    (event,) = subscribers.new_events()
    assert (event.reason, event.service.status) == (HoldReason.OVERDUE, ServiceStatus.SUSPENDED)


def test_late_events_of_billing_change_nothing(subscribers):
    pedro = subscribers.service()
    subscribers.settled(pedro.subscriber_id, sequence=2)
    subscribers.overdue(pedro, sequence=1)  # arrives late
    assert subscribers.reasons(pedro) == set()
    assert subscribers.new_events() == []

    subscribers.overdue(pedro, sequence=3)
    subscribers.settled(pedro.subscriber_id, sequence=2)  # arrives twice
    subscribers.overdue(pedro, sequence=3)
    assert subscribers.reasons(pedro) == {"overdue"}
    assert len(subscribers.new_events()) == 1

    subscribers.settled(pedro.subscriber_id, sequence=4)
    subscribers.overdue(pedro, sequence=3)
    assert subscribers.reasons(pedro) == set()


def test_second_overdue_event_publishes_nothing(subscribers):
    pedro = subscribers.service()
    subscribers.overdue(pedro, sequence=1)
    subscribers.new_events()
    subscribers.overdue(pedro, sequence=2)
    assert subscribers.new_events() == []
    subscribers.settled(pedro.subscriber_id, sequence=3)
    assert subscribers.reasons(pedro) == set()


def test_overdue_event_ignores_terminated_services(subscribers):
    pedro = subscribers.service()
    subscribers.api.terminate_service(TerminateService(service_id=pedro.id))
    subscribers.new_events()
    subscribers.overdue(pedro)
    assert subscribers.new_events() == []


def test_event_about_an_unknown_subscriber_has_no_effect(subscribers):
    subscribers.settled("unknown", sequence=5)
    assert subscribers.new_events() == []


# Concurrent requests


def _overdue_event(service, sequence: int) -> AccountOverdue:
    return AccountOverdue(
        subscriber_id=service.subscriber_id,
        sequence=sequence,
        service_ids=[service.id],
        overdue=Money(1),
        reason="5 days overdue",
    )


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
@pytest.mark.parametrize("settled_first", [True, False])
def test_newer_of_two_concurrent_events_wins(subscribers, settled_first):
    pedro = subscribers.service()
    replica = subscribers.tested.another().runtime
    overdue = _overdue_event(pedro, 1)
    settled = AccountSettled(subscriber_id=pedro.subscriber_id, sequence=2, paid_at=None, payment_id=None)

    def suspend(session):
        holds.suspend_overdue(session, overdue, now=replica.now())

    def restore(session):
        holds.restore_settled(session, settled, now=replica.now())

    first, second = (restore, suspend) if settled_first else (suspend, restore)

    def rival():
        with replica.transaction() as session:
            second(session)

    while_held(subscribers.tested, first, rival)
    assert subscribers.reasons(pedro) == set()


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_operators_placing_the_same_hold_place_one(subscribers):
    service = subscribers.service()
    replica = subscribers.tested.another().runtime
    command = PlaceHold(service_id=service.id, reason=HoldReason.ADMIN)

    def rival():
        with replica.transaction() as session:
            holds.place_hold(session, command, now=replica.now())

    while_held(
        subscribers.tested,
        lambda session: holds.place_hold(session, command, now=replica.now()),
        rival,
    )
    assert len(subscribers.api.get_service(service.id).holds) == 1
    assert len(subscribers.new_events()) == 1


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_hold_placed_during_a_release_keeps_the_service_suspended(subscribers):
    pedro = subscribers.service()
    subscribers.overdue(pedro)
    subscribers.new_events()
    replica = subscribers.tested.another().runtime
    settled = AccountSettled(subscriber_id=pedro.subscriber_id, sequence=2, paid_at=None, payment_id=None)
    command = PlaceHold(service_id=pedro.id, reason=HoldReason.ADMIN)

    def rival():
        with replica.transaction() as session:
            holds.restore_settled(session, settled, now=replica.now())

    while_held(
        subscribers.tested,
        lambda session: holds.place_hold(session, command, now=replica.now()),
        rival,
    )
    assert subscribers.reasons(pedro) == {"admin"}
    events = subscribers.new_events()
    assert [event.service.version for event in events] == [3, 4]
    assert events[-1].service.status is ServiceStatus.SUSPENDED
