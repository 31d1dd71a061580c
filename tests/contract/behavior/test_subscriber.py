"""What every implementation of the subscriber contract must do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.billing import InvoiceQuery
from contracts.common import Conflict, IdempotencyMismatch, NotFound, Stale
from contracts.holds import HoldReason, PlaceHold, ReleaseHold, RestoreService
from contracts.money import Money
from contracts.subscriber import (
    AddService,
    ArchivePlan,
    ChangePlan,
    ChangeService,
    ChangeSubscriber,
    CreateSubscriber,
    PlanStatus,
    RenewPaymentPage,
    RevealPassword,
    ServiceOwner,
    ServiceStatus,
    TerminateService,
)
from contracts.subscriber_lists import MoneyState, ServiceCounts, SubscriberOrder, SubscriberQuery

from tests.contract.behavior.backends import PASSWORD, Backend, plan_command
from tests.contract.behavior.checks import assert_invalid, assert_pages


def test_unknown_ids_are_not_found(isp: Backend) -> None:
    api = isp.subscriber
    for call in (
        lambda: api.get_plan("nothing"),
        lambda: api.change_plan(ChangePlan(plan_id="nothing", name="Fiber")),
        lambda: api.archive_plan(ArchivePlan(plan_id="nothing")),
        lambda: api.get_subscriber("nothing"),
        lambda: api.change_subscriber(ChangeSubscriber(subscriber_id="nothing", full_name="Juan")),
        lambda: api.renew_payment_page(RenewPaymentPage(subscriber_id="nothing")),
        lambda: api.add_service(AddService(subscriber_id="nothing", service=isp.service_for("juan"))),
        lambda: api.get_service("nothing"),
        lambda: api.change_service(ChangeService(service_id="nothing", static_ip="10.1.1.1")),
        lambda: api.terminate_service(TerminateService(service_id="nothing")),
        lambda: api.reveal_password(RevealPassword(service_id="nothing")),
        lambda: api.place_hold(PlaceHold(service_id="nothing", reason=HoldReason.ADMIN)),
    ):
        with pytest.raises(NotFound):
            call()


# Plans


def test_plans_are_listed_newest_first(isp: Backend) -> None:
    plans = [isp.new_plan(f"Fiber {number}") for number in range(5)]

    assert isp.subscriber.get_plan(plans[0].id) == plans[0]
    assert_pages(isp.subscriber.list_plans, [plan.id for plan in reversed(plans)])


def test_plan_name_is_taken_until_its_plan_is_archived(isp: Backend) -> None:
    first = isp.new_plan("Fiber")
    with assert_invalid("name"):
        isp.subscriber.create_plan(plan_command("Fiber"))
    other = isp.new_plan("Copper")
    with assert_invalid("name"):
        isp.subscriber.change_plan(ChangePlan(plan_id=other.id, name="Fiber"))

    isp.subscriber.archive_plan(ArchivePlan(plan_id=first.id))

    assert isp.new_plan("Fiber").name == "Fiber"


def test_changed_plan_has_a_new_version_and_unchanged_plan_does_not(isp: Backend) -> None:
    plan = isp.new_plan()

    changed = isp.subscriber.change_plan(ChangePlan(plan_id=plan.id, price=Money(99_900)))
    again = isp.subscriber.change_plan(ChangePlan(plan_id=plan.id, price=Money(99_900)))

    assert changed == replace(plan, version=2, price=Money(99_900), edit=changed.edit)
    assert again == changed


def test_edit_that_names_an_older_version_is_refused(isp: Backend) -> None:
    plan, juan = isp.new_plan(), isp.new_subscriber("Juan")
    (service,) = juan.services
    edits = (
        (isp.subscriber.change_plan, ChangePlan(plan_id=plan.id, name="New", actor="ana", version=1)),
        (
            isp.subscriber.change_subscriber,
            ChangeSubscriber(subscriber_id=juan.id, notes="New", actor="ana", version=1),
        ),
        (
            isp.subscriber.change_service,
            ChangeService(service_id=service.id, static_ip="10.9.9.9", actor="ana", version=1),
        ),
    )
    for change, command in edits:
        edited = change(command)
        assert (edited.edit.version, edited.edit.by) == (2, "ana")
        with pytest.raises(Stale):
            change(command)


def test_service_without_an_overdue_hold_cannot_be_restored(isp: Backend) -> None:
    service = isp.new_service()
    isp.subscriber.place_hold(PlaceHold(service_id=service.id, reason=HoldReason.ADMIN))
    with pytest.raises(Conflict):
        isp.subscriber.restore_service(RestoreService(service_id=service.id))


def test_archived_plan_cannot_be_chosen(isp: Backend) -> None:
    plan = isp.new_plan()
    service = isp.service_for("juan", plan_id=plan.id)

    archived = isp.subscriber.archive_plan(ArchivePlan(plan_id=plan.id))

    assert (archived.status, archived.version) == (PlanStatus.ARCHIVED, 2)
    assert isp.subscriber.archive_plan(ArchivePlan(plan_id=plan.id)) == archived
    with pytest.raises(Conflict):
        isp.subscriber.create_subscriber(CreateSubscriber(full_name="Juan", service=service))


# Subscribers


def test_subscriber_is_created_with_an_active_service(isp: Backend) -> None:
    subscriber = isp.new_subscriber("Juan dela Cruz", "juan.delacruz")

    (service,) = subscriber.services
    assert service.status is ServiceStatus.ACTIVE
    assert service.holds == []
    assert service.plan_name == "Fiber 50 Mbps"
    assert isp.subscriber.get_subscriber(subscriber.id) == subscriber
    assert isp.subscriber.get_service(service.id) == service
    assert isp.subscriber.find_subscriber_by_short_id(subscriber.short_id) == subscriber
    assert isp.subscriber.find_subscriber_by_short_id("nothing") is None


def test_subscribers_get_account_numbers_with_a_check_digit(isp: Backend) -> None:
    juan, maria = isp.new_subscriber("Juan"), isp.new_subscriber("Maria")
    assert (juan.account_number, maria.account_number) == ("10-0001-5", "10-0002-8")


def test_renewed_payment_page_is_found_only_at_its_new_address(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")
    command = RenewPaymentPage(subscriber_id=juan.id, idempotency_key="click")

    renewed = isp.subscriber.renew_payment_page(command)

    assert renewed == replace(juan, short_id=renewed.short_id)
    assert isp.subscriber.find_subscriber_by_short_id(juan.short_id) is None
    assert isp.subscriber.find_subscriber_by_short_id(renewed.short_id) == renewed
    assert isp.subscriber.renew_payment_page(command) == renewed


@pytest.mark.parametrize("field", ["plan_id", "router_id"])
def test_new_service_needs_a_known_plan_and_router(isp: Backend, field: str) -> None:
    subscriber = isp.new_subscriber("Juan")
    service = isp.service_for("pedro", **{field: "nothing"})

    with assert_invalid(f"service.{field}"):
        isp.subscriber.create_subscriber(CreateSubscriber(full_name="Pedro", service=service))
    with assert_invalid(field):
        isp.subscriber.add_service(AddService(subscriber_id=subscriber.id, service=service))


def test_username_is_taken_until_its_service_is_terminated(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan", "juan")
    again = CreateSubscriber(full_name="Juana", service=isp.service_for("juan"))
    with assert_invalid("service.pppoe_username"):
        isp.subscriber.create_subscriber(again)

    isp.subscriber.terminate_service(TerminateService(service_id=juan.services[0].id))

    assert isp.subscriber.create_subscriber(again).services[0].pppoe_username == "juan"


def test_repeated_command_gets_the_first_answer(isp: Backend) -> None:
    command = CreateSubscriber(full_name="Juan", service=isp.service_for("juan"), idempotency_key="juan-1")
    first = isp.subscriber.create_subscriber(command)

    assert isp.subscriber.create_subscriber(command) == first
    assert len(isp.subscriber.list_subscribers(SubscriberQuery(), 10, None).items) == 1
    with pytest.raises(IdempotencyMismatch):
        isp.subscriber.create_subscriber(replace(command, full_name="Pedro"))


def test_subscribers_are_listed_newest_first_or_by_name(isp: Backend) -> None:
    ids = {name: isp.new_subscriber(name).id for name in ("Pedro", "ana", "Juan")}

    def ids_by(order: SubscriberOrder):
        return lambda limit, after: isp.subscriber.list_subscribers(
            SubscriberQuery(order=order), limit, after
        )

    assert_pages(ids_by(SubscriberOrder.NEWEST), [ids["Juan"], ids["ana"], ids["Pedro"]])
    assert_pages(ids_by(SubscriberOrder.NAME), [ids["ana"], ids["Juan"], ids["Pedro"]])
    assert_pages(ids_by(SubscriberOrder.NAME_DESCENDING), [ids["Pedro"], ids["Juan"], ids["ana"]])


def test_subscribers_are_found_by_text_status_plan_and_router(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan Peña", "jp.100")
    pedro = isp.new_subscriber("Pedro Reyes", "pedro")
    other, remote = isp.new_plan("Copper 5 Mbps"), isp.new_router()
    ana = isp.new_subscriber("Ana Cruz", "ana", plan_id=other.id, router_id=remote.id)
    isp.subscriber.place_hold(PlaceHold(service_id=ana.services[0].id, reason=HoldReason.ADMIN))
    isp.subscriber.terminate_service(TerminateService(service_id=pedro.services[0].id))

    def found(**query) -> set[str]:
        page = isp.subscriber.list_subscribers(SubscriberQuery(**query), 10, None)
        return {each.full_name for each in page.items}

    assert found(text="PENA") == {"Juan Peña"}
    assert found(text="jp.1") == {"Juan Peña"}
    assert found(text=juan.account_number) == {"Juan Peña"}
    assert found(text=juan.account_number.replace("-", "")) == {"Juan Peña"}
    assert found(text=juan.short_id) == set()
    assert found(status=ServiceStatus.SUSPENDED) == {"Ana Cruz"}
    assert found(status=ServiceStatus.ACTIVE) == {"Juan Peña"}
    assert found(status=ServiceStatus.TERMINATED) == {"Pedro Reyes"}
    assert found(plan_id=other.id) == {"Ana Cruz"}
    assert found(router_id=remote.id) == {"Ana Cruz"}


def test_subscribers_are_found_and_listed_by_what_they_owe(isp: Backend) -> None:
    people = {name: isp.new_subscriber(name).id for name in ("Pedro", "Ana", "Juan")}
    isp.generate_invoices()
    isp.pay(people["Ana"], 150_000)
    isp.pay(people["Juan"], 200_000)
    joined = isp.new_subscriber("Maria").id

    def found(**query) -> list[str]:
        page = isp.subscriber.list_subscribers(SubscriberQuery(**query), 10, None)
        return [each.id for each in page.items]

    by_balance = [people["Juan"], people["Ana"], joined, people["Pedro"]]
    assert found(order=SubscriberOrder.BALANCE) == by_balance
    assert found(order=SubscriberOrder.BALANCE_DESCENDING) == by_balance[::-1]
    assert found(order=SubscriberOrder.OLDEST_DUE)[0] == people["Pedro"]
    assert found(money=MoneyState.OWING) == [people["Pedro"]]
    assert found(money=MoneyState.CREDIT) == [people["Juan"]]
    assert found(money=MoneyState.OVERDUE) == []

    listed = isp.subscriber.list_balances(SubscriberQuery(money=MoneyState.OWING), 10, None)
    (pedro,) = listed.page.items
    assert (listed.subscribers, listed.balance, pedro.id) == (1, Money(150_000), people["Pedro"])
    (invoice,) = isp.billing.list_invoices(InvoiceQuery(subscriber_id=pedro.id), 10, None).items
    assert (pedro.balance, pedro.oldest_due_on) == (invoice.balance, invoice.due_on)
    for id_ in (*people.values(), joined):
        assert isp.subscriber.get_subscriber(id_).balance == isp.billing.get_account(id_).balance


def test_subscribers_are_found_by_area(isp: Backend) -> None:
    juan = isp.subscriber.create_subscriber(CreateSubscriber(full_name="Juan", area="Brgy. San Jose"))
    maria = isp.subscriber.create_subscriber(CreateSubscriber(full_name="Maria"))

    def found(**query) -> list[str]:
        page = isp.subscriber.list_subscribers(SubscriberQuery(**query), 10, None)
        return [each.id for each in page.items]

    assert (juan.area, found(area="Brgy. San Jose"), found(text="san jo")) == (
        "Brgy. San Jose",
        [juan.id],
        [juan.id],
    )
    isp.subscriber.change_subscriber(ChangeSubscriber(subscriber_id=maria.id, area="Poblacion"))
    assert isp.subscriber.list_areas() == ["Brgy. San Jose", "Poblacion"]


def test_change_of_a_subscriber_leaves_other_fields_alone(isp: Backend) -> None:
    juan = isp.new_subscriber("Juan")

    changed = isp.subscriber.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, phone="09171234567"))

    assert changed == replace(juan, phone="09171234567", edit=changed.edit)


# Services


def test_change_of_a_service_counts_its_version_up_once(isp: Backend) -> None:
    service = isp.new_service()
    command = ChangeService(service_id=service.id, static_ip="10.9.9.9", session_limit=2)

    changed = isp.subscriber.change_service(command)

    assert changed == replace(service, version=2, static_ip="10.9.9.9", session_limit=2, edit=changed.edit)
    assert isp.subscriber.change_service(command) == changed
    cleared = isp.subscriber.change_service(
        ChangeService(service_id=service.id, clear=("static_ip", "session_limit"))
    )
    assert (cleared.static_ip, cleared.session_limit) == (None, None)


def test_service_shows_the_name_of_its_new_plan(isp: Backend) -> None:
    service = isp.new_service()
    faster = isp.new_plan("Fiber 100 Mbps")

    changed = isp.subscriber.change_service(ChangeService(service_id=service.id, plan_id=faster.id))

    assert (changed.plan_id, changed.plan_name) == (faster.id, "Fiber 100 Mbps")


def test_terminated_service_cannot_be_changed_held_or_revealed(isp: Backend) -> None:
    service = isp.new_service()
    terminated = isp.subscriber.terminate_service(TerminateService(service_id=service.id))

    assert terminated.status is ServiceStatus.TERMINATED
    assert isp.subscriber.terminate_service(TerminateService(service_id=service.id)) == terminated
    for refused in (
        lambda: isp.subscriber.change_service(ChangeService(service_id=service.id, session_limit=3)),
        lambda: isp.subscriber.place_hold(PlaceHold(service_id=service.id, reason=HoldReason.ADMIN)),
        lambda: isp.subscriber.reveal_password(RevealPassword(service_id=service.id)),
    ):
        with pytest.raises(Conflict):
            refused()


def test_password_is_revealed(isp: Backend) -> None:
    service = isp.new_service("juan")

    revealed = isp.subscriber.reveal_password(RevealPassword(service_id=service.id))

    assert (revealed.pppoe_username, revealed.pppoe_password) == ("juan", PASSWORD)


def test_services_are_counted_by_status(isp: Backend) -> None:
    _active, held, gone = (isp.new_subscriber(name).services[0] for name in ("Juan", "Ana", "Pedro"))
    isp.subscriber.place_hold(PlaceHold(service_id=held.id, reason=HoldReason.ADMIN))
    isp.subscriber.terminate_service(TerminateService(service_id=gone.id))

    assert isp.subscriber.count_services() == ServiceCounts(active=1, suspended=1, terminated=1)


def test_owners_of_services_are_named_also_of_terminated_ones(isp: Backend) -> None:
    juan, maria = isp.new_subscriber("Juan"), isp.new_subscriber("Maria")
    (his,), (hers,) = juan.services, maria.services
    isp.subscriber.terminate_service(TerminateService(service_id=hers.id))

    owners = isp.subscriber.list_service_owners([his.id, "nothing", hers.id])

    assert {owner.service_id: owner for owner in owners} == {
        his.id: ServiceOwner(his.id, juan.id, "Juan"),
        hers.id: ServiceOwner(hers.id, maria.id, "Maria"),
    }
    assert isp.subscriber.list_service_owners([]) == []


# Holds


def test_service_is_suspended_until_its_last_hold_is_released(isp: Backend) -> None:
    service = isp.new_service()
    isp.subscriber.place_hold(PlaceHold(service_id=service.id, reason=HoldReason.ABUSE, actor="ana"))
    held = isp.subscriber.place_hold(
        PlaceHold(service_id=service.id, reason=HoldReason.ADMIN, note="ask first", actor="ana")
    )
    abuse, admin = held.holds
    assert held.status is ServiceStatus.SUSPENDED
    assert (admin.reason, admin.placed_by, admin.note) == (HoldReason.ADMIN, "ana", "ask first")

    once = isp.subscriber.release_hold(ReleaseHold(service_id=service.id, hold_id=abuse.id, actor="ben"))
    free = isp.subscriber.release_hold(ReleaseHold(service_id=service.id, hold_id=admin.id, actor="ben"))

    assert [hold.reason for hold in once.standing_holds] == [HoldReason.ADMIN]
    assert once.status is ServiceStatus.SUSPENDED
    assert free.status is ServiceStatus.ACTIVE
    assert {hold.released_by for hold in free.holds} == {"ben"}
    assert free.version == service.version + 4


def test_placing_or_releasing_a_hold_twice_changes_nothing(isp: Backend) -> None:
    service = isp.new_service()
    place = PlaceHold(service_id=service.id, reason=HoldReason.ADMIN)
    held = isp.subscriber.place_hold(place)
    assert isp.subscriber.place_hold(place) == held

    release = ReleaseHold(service_id=service.id, hold_id=held.holds[0].id)
    free = isp.subscriber.release_hold(release)
    assert isp.subscriber.release_hold(release) == free


def test_hold_of_another_service_is_not_found(isp: Backend) -> None:
    held = isp.new_subscriber("Ana").services[0]
    other = isp.new_subscriber("Juan").services[0]
    (hold,) = isp.subscriber.place_hold(PlaceHold(service_id=held.id, reason=HoldReason.ADMIN)).holds

    with pytest.raises(NotFound):
        isp.subscriber.release_hold(ReleaseHold(service_id=other.id, hold_id=hold.id))


def test_overdue_hold_cannot_be_placed_by_hand(isp: Backend) -> None:
    service = isp.new_service()

    with assert_invalid("reason"):
        isp.subscriber.place_hold(PlaceHold(service_id=service.id, reason=HoldReason.OVERDUE))


def test_hold_changes_are_listed_newest_first(isp: Backend) -> None:
    service = isp.new_service()
    (hold,) = isp.subscriber.place_hold(
        PlaceHold(service_id=service.id, reason=HoldReason.ADMIN, actor="ana")
    ).holds
    isp.subscriber.release_hold(ReleaseHold(service_id=service.id, hold_id=hold.id, actor="ben"))

    released, placed = isp.subscriber.list_hold_changes(10)

    assert (released.released, released.by) == (True, "ben")
    assert (placed.released, placed.by) == (False, "ana")
    assert placed.subscriber_name == "Juan dela Cruz"
    assert isp.subscriber.list_hold_changes(1) == [released]
