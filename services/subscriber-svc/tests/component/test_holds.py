"""A service is up while no hold stands; a payment lifts only the overdue one."""

from __future__ import annotations

import pytest
from contracts.billing import AccountOverdue, AccountSettled
from contracts.common import Conflict, InvalidInput, NotFound
from contracts.money import Money
from contracts.subscriber import (
    HoldReason,
    PlaceHold,
    ReleaseHold,
    ServiceHoldPlaced,
    ServiceHoldReleased,
    ServiceStatus,
    TerminateService,
)
from subscriber_svc.usecases import holds
from testkit.component import while_held


def test_hold_suspends_and_its_release_restores(subscribers):
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

    assert subscribers.api.release_hold(command) == released  # a repeat is a success
    assert subscribers.new_events() == []


def test_one_hold_of_each_reason(subscribers):
    service = subscribers.service()
    subscribers.hold(service, note="first")
    again = subscribers.hold(service, note="second")
    assert [hold.note for hold in again.holds] == ["first"]
    subscribers.hold(service, HoldReason.VACATION)
    assert subscribers.reasons(service) == {"admin", "vacation"}
    assert len(subscribers.new_events()) == 2


def test_service_stays_down_until_the_last_hold_is_released(subscribers):
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


def test_same_command_again_after_the_release_does_not_place_it_again(subscribers):
    service = subscribers.service()
    first = subscribers.hold(service, idempotency_key="click")
    subscribers.api.release_hold(ReleaseHold(service_id=service.id, hold_id=first.holds[0].id))
    assert subscribers.hold(service, idempotency_key="click") == first
    assert subscribers.reasons(service) == set()


def test_people_cannot_place_overdue(subscribers):
    service = subscribers.service()
    with pytest.raises(InvalidInput, match="overdue holds are placed by billing only"):
        subscribers.hold(service, HoldReason.OVERDUE)


def test_bad_holds(subscribers):
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


# Billing's word


def test_overdue_holds_only_the_services_that_are_named(subscribers):
    first = subscribers.service()
    second = subscribers.add_service(first.subscriber_id, "juan.shop")
    stranger = subscribers.service("maria.santos", "Maria Santos")
    subscribers.new_events()
    event = AccountOverdue(
        subscriber_id=first.subscriber_id,
        sequence=1,
        service_ids=[first.id, stranger.id, "unknown"],
        overdue=Money(150_000),
        reason="5 days overdue",
    )
    with subscribers.runtime.transaction() as session:
        holds.suspend_overdue(session, event, now=subscribers.runtime.now())
    assert subscribers.reasons(first) == {"overdue"}
    assert subscribers.reasons(second) == subscribers.reasons(stranger) == set()
    (said,) = subscribers.new_events()
    assert (type(said), said.reason, said.service.id) == (ServiceHoldPlaced, HoldReason.OVERDUE, first.id)
    (hold,) = subscribers.api.get_service(first.id).holds
    assert (hold.placed_by, hold.note) == ("billing", "5 days overdue")


def test_settled_lifts_overdue_on_all_services_and_says_which_payment_did_it(subscribers):
    first = subscribers.service()
    second = subscribers.add_service(first.subscriber_id, "juan.shop")
    subscribers.overdue(first, second)
    subscribers.new_events()
    subscribers.settled(first.subscriber_id)
    said = subscribers.new_events()
    assert [type(event) for event in said] == [ServiceHoldReleased] * 2
    assert {event.payment_id for event in said} == {"payment"}
    assert {event.paid_at for event in said} == {subscribers.runtime.now()}
    assert all(event.service.status is ServiceStatus.ACTIVE for event in said)


def test_admin_hold_survives_a_payment(subscribers):
    maria = subscribers.service("maria.santos", "Maria Santos")
    subscribers.hold(maria)
    subscribers.overdue(maria)
    subscribers.new_events()
    subscribers.settled(maria.subscriber_id)
    assert subscribers.reasons(maria) == {"admin"}
    (event,) = subscribers.new_events()
    assert (event.reason, event.service.status) == (HoldReason.OVERDUE, ServiceStatus.SUSPENDED)


def test_old_words_of_billing_change_nothing(subscribers):
    pedro = subscribers.service()
    subscribers.settled(pedro.subscriber_id, sequence=2)
    subscribers.overdue(pedro, sequence=1)  # came late: paid since
    assert subscribers.reasons(pedro) == set()
    assert subscribers.new_events() == []

    subscribers.overdue(pedro, sequence=3)
    subscribers.settled(pedro.subscriber_id, sequence=2)  # came again
    subscribers.overdue(pedro, sequence=3)
    assert subscribers.reasons(pedro) == {"overdue"}
    assert len(subscribers.new_events()) == 1

    subscribers.settled(pedro.subscriber_id, sequence=4)
    subscribers.overdue(pedro, sequence=3)
    assert subscribers.reasons(pedro) == set()


def test_overdue_again_while_it_stands_says_nothing_new(subscribers):
    pedro = subscribers.service()
    subscribers.overdue(pedro, sequence=1)
    subscribers.new_events()
    subscribers.overdue(pedro, sequence=2)
    assert subscribers.new_events() == []
    subscribers.settled(pedro.subscriber_id, sequence=3)
    assert subscribers.reasons(pedro) == set()


def test_overdue_released_by_hand_stays_so_and_settling_is_no_trouble(subscribers):
    pedro = subscribers.service()
    subscribers.overdue(pedro)
    (hold,) = subscribers.api.get_service(pedro.id).holds
    subscribers.api.release_hold(ReleaseHold(service_id=pedro.id, hold_id=hold.id, actor="ana"))
    subscribers.new_events()
    subscribers.settled(pedro.subscriber_id)
    assert subscribers.new_events() == []
    assert subscribers.api.get_service(pedro.id).holds[0].released_by == "ana"


def test_terminated_service_is_not_held(subscribers):
    pedro = subscribers.service()
    subscribers.api.terminate_service(TerminateService(service_id=pedro.id))
    subscribers.new_events()
    subscribers.overdue(pedro)
    assert subscribers.new_events() == []


def test_word_on_an_unknown_subscriber_is_kept_without_effect(subscribers):
    subscribers.settled("unknown", sequence=5)
    assert subscribers.new_events() == []


# At the same moment


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
def test_overdue_and_settled_at_once_leave_the_newer_word(subscribers, settled_first):
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
def test_two_people_placing_the_same_hold_place_one(subscribers):
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
def test_hold_placed_while_another_is_released_keeps_the_service_down(subscribers):
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
    said = subscribers.new_events()
    assert [event.service.version for event in said] == [3, 4]
    assert said[-1].service.status is ServiceStatus.SUSPENDED
