"""Lists of subscribers, counts of services and the latest hold changes."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.common import InvalidInput
from contracts.holds import HoldReason, ReleaseHold
from contracts.subscriber import ChangeSubscriber, CreateSubscriber, ServiceStatus, TerminateService
from contracts.subscriber_lists import ServiceCounts, SubscriberOrder, SubscriberQuery


def found(subscribers, **query: Any) -> list[str]:
    """The names on the page."""
    page = subscribers.api.list_subscribers(SubscriberQuery(**query), 50, None)
    return [view.full_name for view in page.items]


def test_status_filter_finds_subscribers_with_such_a_service(subscribers):
    active = subscribers.service("active", "Active")
    held = subscribers.service("held", "Held")
    gone = subscribers.service("gone", "Gone")
    both = subscribers.service("both.held", "Both")
    subscribers.add_service(both.subscriber_id, "both.active")
    subscribers.hold(held)
    subscribers.hold(both)
    subscribers.hold(gone)
    subscribers.api.terminate_service(TerminateService(service_id=gone.id))
    subscribers.api.create_subscriber(CreateSubscriber(full_name="None"))

    def names(status):
        return set(found(subscribers, status=status))

    assert names(ServiceStatus.ACTIVE) == {"Active", "Both"}
    assert names(ServiceStatus.SUSPENDED) == {"Held", "Both"}
    assert names(ServiceStatus.TERMINATED) == {"Gone"}
    assert names(None) == {"Active", "Held", "Gone", "Both", "None"}
    everybody = subscribers.api.list_subscribers(SubscriberQuery(), 50, None).items
    for status in ServiceStatus:
        shown = {view.full_name for view in everybody if any(s.status is status for s in view.services)}
        assert names(status) == shown
    assert active.status is ServiceStatus.ACTIVE


def test_search_finds_names_and_usernames(subscribers):
    subscribers.subscriber("Juan 100% dela_Cruz", "juan.delacruz")
    subscribers.subscriber("Maria Santos", "maria.santos")

    def names(text):
        return found(subscribers, text=text)

    juan = ["Juan 100% dela_Cruz"]
    assert names("JUAN") == names("100%") == names("la_C") == names(" .DelaCruz ") == juan
    assert names("%") == names("_") == juan
    assert names("\\") == names("nobody") == []
    assert len(names("")) == len(names("  ")) == 2
    assert names("maria\x00") == names("maria\ud83d") == ["Maria Santos"]


def test_search_finds_contacts(subscribers):
    subscribers.api.create_subscriber(
        CreateSubscriber(full_name="Pedro", email="Pedro@Example.com", phone="+63 917 555 0100")
    )
    assert found(subscribers, text="pedro@example") == found(subscribers, text="555 01") == ["Pedro"]


@pytest.mark.parametrize("text", ["Peña", "PEÑA", "pena", "pen\u0303a"])
def test_search_ignores_case_and_accents(subscribers, text):
    subscribers.subscriber("Ma. Peña")
    assert found(subscribers, text=text) == ["Ma. Peña"]


def test_new_name_is_searched_and_sorted_by(subscribers):
    juan = subscribers.subscriber("Juan")
    subscribers.subscriber("Maria", "maria")
    subscribers.api.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, full_name="Ñ Juan"))
    assert found(subscribers, text="n j") == ["Ñ Juan"]
    assert found(subscribers, order=SubscriberOrder.NAME) == ["Maria", "Ñ Juan"]


def test_sorting_ignores_case_and_accents(subscribers):
    for number, name in enumerate(("maria", "Álvaro", "Juan", "MARIA", "andres")):
        subscribers.subscriber(name, f"login-{number}")
    names = ["Álvaro", "andres", "Juan", "maria", "MARIA"]
    assert found(subscribers, order=SubscriberOrder.NAME) == names
    assert found(subscribers, order=SubscriberOrder.NAME_DESCENDING) == names[::-1]
    assert found(subscribers) == ["andres", "MARIA", "Juan", "Álvaro", "maria"]


def test_status_plan_and_router_filters_apply_to_the_same_service(subscribers):
    slow = subscribers.plan("Slow")
    both = subscribers.service("both.held", "Both")
    subscribers.hold(both)
    subscribers.add_service(both.subscriber_id, "both.slow", plan_id=slow.id)
    gone = subscribers.subscriber("Gone", "gone", plan_id=slow.id).services[0]
    subscribers.api.terminate_service(TerminateService(service_id=gone.id))

    assert found(subscribers, plan_id=slow.id) == ["Both"]
    assert found(subscribers, plan_id=slow.id, status=ServiceStatus.SUSPENDED) == []
    assert found(subscribers, plan_id=slow.id, status=ServiceStatus.TERMINATED) == ["Gone"]
    assert found(subscribers, router_id="router", status=ServiceStatus.SUSPENDED) == ["Both"]
    assert found(subscribers, router_id="router") == ["Both"]
    assert found(subscribers, router_id="another") == found(subscribers, plan_id="none") == []


def test_pages_contain_every_item_once(subscribers):
    for number in range(5):
        subscribers.subscriber(f"Subscriber {number}", f"login-{number}")
        subscribers.plan(f"Plan {number}")
    for fetch, count in (
        (lambda after: subscribers.api.list_subscribers(SubscriberQuery(), 2, after), 5),
        (lambda after: subscribers.api.list_plans(2, after), 6),
    ):
        seen, after = [], None
        while True:
            page = fetch(after)
            assert len(page.items) <= 2
            seen += [view.id for view in page.items]
            if page.next is None:
                break
            after = page.next
        assert len(set(seen)) == len(seen) == count


def test_sorted_pages_contain_every_subscriber_once(subscribers):
    for number in range(5):
        subscribers.subscriber("Juan", f"login-{number}")
    for order in SubscriberOrder:
        query = SubscriberQuery(order=order)
        page = subscribers.api.list_subscribers(query, 2, None)
        seen = {view.id for view in page.items}
        while page.next is not None:
            page = subscribers.api.list_subscribers(query, 2, page.next)
            assert not seen & {view.id for view in page.items}
            seen |= {view.id for view in page.items}
        assert len(seen) == 5


def test_invalid_cursor_is_refused(subscribers):
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        subscribers.api.list_subscribers(SubscriberQuery(order=SubscriberOrder.NAME), 2, "nonsense")


def test_services_are_counted_by_shown_status(subscribers):
    assert subscribers.api.count_services() == ServiceCounts(0, 0, 0)
    for number in range(4):
        subscribers.subscriber(f"Juan {number}", f"login-{number}")
    held = subscribers.service("held", "Held")
    subscribers.hold(held)
    subscribers.hold(held, HoldReason.ABUSE)
    gone = subscribers.service("gone", "Gone")
    subscribers.hold(gone)
    subscribers.api.terminate_service(TerminateService(service_id=gone.id))
    assert subscribers.api.count_services() == ServiceCounts(active=4, suspended=1, terminated=1)


def test_hold_changes_are_listed_newest_first(subscribers):
    juan, maria = subscribers.service(), subscribers.service("maria", "Maria Santos")
    clock = subscribers.tested.clock
    placed_at = clock.now()
    (hold,) = subscribers.hold(juan, note="a reason").holds
    clock.advance(minutes=1)
    subscribers.overdue(maria)
    clock.advance(minutes=1)
    subscribers.api.release_hold(ReleaseHold(service_id=juan.id, hold_id=hold.id, actor="ben"))

    changes = subscribers.api.list_hold_changes(10)
    assert [(change.subscriber_name, change.reason, change.released, change.by) for change in changes] == [
        ("Juan dela Cruz", HoldReason.ADMIN, True, "ben"),
        ("Maria Santos", HoldReason.OVERDUE, False, "billing"),
        ("Juan dela Cruz", HoldReason.ADMIN, False, "ana"),
    ]
    first = changes[-1]
    assert (first.at, first.note, first.service_id) == (placed_at, "a reason", juan.id)
    assert (first.pppoe_username, first.subscriber_id) == ("juan.delacruz", juan.subscriber_id)
    assert subscribers.api.list_hold_changes(2) == changes[:2]


def test_hold_changes_say_whether_another_hold_still_suspends_the_service(subscribers):
    juan = subscribers.service()
    (admin,) = subscribers.hold(juan).holds
    subscribers.tested.clock.advance(minutes=1)
    subscribers.overdue(juan)
    subscribers.tested.clock.advance(minutes=1)
    subscribers.api.release_hold(ReleaseHold(service_id=juan.id, hold_id=admin.id, actor="ben"))
    subscribers.tested.clock.advance(minutes=1)
    subscribers.settled(juan.subscriber_id)
    changes = subscribers.api.list_hold_changes(10)
    assert [(change.released, change.reason, change.suspended) for change in changes] == [
        (True, HoldReason.OVERDUE, False),
        (True, HoldReason.ADMIN, True),
        (False, HoldReason.OVERDUE, True),
        (False, HoldReason.ADMIN, True),
    ]


def test_release_at_the_same_instant_is_listed_as_later(subscribers):
    juan = subscribers.service()
    (hold,) = subscribers.hold(juan).holds
    subscribers.api.release_hold(ReleaseHold(service_id=juan.id, hold_id=hold.id, actor="ana"))
    assert [change.released for change in subscribers.api.list_hold_changes(10)] == [True, False]
