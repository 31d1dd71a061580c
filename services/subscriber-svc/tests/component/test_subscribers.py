"""Subscribers, plans and services: what is accepted, what is refused, and what is published."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from contracts.common import Conflict, IdempotencyMismatch, InvalidInput, NotFound
from contracts.money import Money
from contracts.pricing import Discount, DiscountKind
from contracts.subscriber import (
    AddService,
    ArchivePlan,
    BillingType,
    Burst,
    ChangePlan,
    ChangeService,
    ChangeSubscriber,
    CreatePlan,
    CreateSubscriber,
    PlanChanged,
    PlanStatus,
    RevealedPassword,
    RevealPassword,
    ServiceChanged,
    ServiceCreated,
    ServiceStatus,
    ServiceTerminated,
    SubscriberChanged,
    TerminateService,
)
from contracts.subscriber_lists import SubscriberQuery
from subscriber_svc.usecases import plans, services
from testkit.component import while_held

BURST = Burst(60_000, 60_000, 40_000, 40_000, 8)


def refused_fields(call) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        call()
    return [wrong.field for wrong in refused.value.errors]


# Subscribers


def test_new_subscriber_with_a_service_is_published(subscribers):
    juan = subscribers.subscriber()
    assert subscribers.api.get_subscriber(juan.id) == juan
    assert subscribers.api.find_subscriber_by_short_id(juan.short_id) == juan
    name, created = subscribers.new_events()
    assert name == SubscriberChanged(subscriber_id=juan.id, version=1, full_name="Juan dela Cruz")
    assert type(created) is ServiceCreated
    snapshot = created.service
    assert (snapshot.version, snapshot.status) == (1, ServiceStatus.ACTIVE)
    assert snapshot.plan == subscribers.fiber
    assert snapshot.activated_on == date(2026, 11, 23)
    cipher = subscribers.runtime.cipher
    assert cipher.decrypt(snapshot.password_encrypted, aad=snapshot.id) == "pppoe-pass-01"


def test_activation_date_is_in_the_time_zone_of_the_isp(subscribers):
    subscribers.tested.clock.instant = subscribers.tested.clock.instant.replace(hour=16)
    assert subscribers.service().activated_on == date(2026, 11, 24)


def test_subscriber_is_not_created_if_the_service_is_refused(subscribers):
    wrong = subscribers.new_service(static_ip="10.0.0.300")
    command = CreateSubscriber(full_name="Juan", service=wrong)
    assert refused_fields(lambda: subscribers.api.create_subscriber(command)) == ["service.static_ip"]
    assert subscribers.api.list_subscribers(SubscriberQuery(), 10, None).items == []
    assert subscribers.new_events() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", " "),
        ("full_name", "x" * 201),
        ("full_name", "nul\x00"),
        ("full_name", "\ud83d"),
        ("email", "juan"),
        ("phone", "none"),
        ("address", "x" * 501),
        ("notes", "\x1b[0m"),
    ],
)
def test_error_names_the_bad_contact_field(subscribers, field, value):
    command = CreateSubscriber(**{"full_name": "Juan", field: value})
    assert refused_fields(lambda: subscribers.api.create_subscriber(command)) == [field]
    juan = subscribers.api.create_subscriber(CreateSubscriber(full_name="Juan"))
    change = ChangeSubscriber(subscriber_id=juan.id, **{field: value})
    assert refused_fields(lambda: subscribers.api.change_subscriber(change)) == [field]
    assert subscribers.api.get_subscriber(juan.id) == juan


def test_non_ascii_names_are_kept_and_found(subscribers):
    peña = subscribers.subscriber("Ma. Peña 😀", "peña")
    assert subscribers.api.get_subscriber(peña.id).full_name == "Ma. Peña 😀"
    for query in ("Peña", "peña", "😀"):
        found = subscribers.api.list_subscribers(SubscriberQuery(text=query), 10, None).items
        assert [view.id for view in found] == [peña.id]


def test_only_a_new_name_is_published(subscribers):
    juan = subscribers.subscriber()
    subscribers.new_events()
    subscribers.api.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, email="juan@example.com"))
    assert subscribers.new_events() == []
    subscribers.api.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, full_name=" Juan Cruz "))
    assert subscribers.new_events() == [
        SubscriberChanged(subscriber_id=juan.id, version=2, full_name="Juan Cruz")
    ]


def test_same_idempotency_key_creates_one_subscriber(subscribers):
    command = CreateSubscriber(
        full_name="Juan", service=subscribers.new_service(), idempotency_key="click", actor="ana"
    )
    first = subscribers.api.create_subscriber(command)
    assert subscribers.api.create_subscriber(command) == first
    with pytest.raises(IdempotencyMismatch):
        subscribers.api.create_subscriber(replace(command, full_name="Maria"))
    assert len(subscribers.api.list_subscribers(SubscriberQuery(), 10, None).items) == 1


def test_unknown_ids_are_not_found(subscribers):
    api = subscribers.api
    with pytest.raises(NotFound):
        api.get_subscriber("none")
    with pytest.raises(NotFound):
        api.get_service("none")
    with pytest.raises(NotFound):
        api.get_plan("none")
    with pytest.raises(NotFound):
        api.change_service(ChangeService(service_id="none"))
    with pytest.raises(NotFound):
        api.add_service(AddService(subscriber_id="none", service=subscribers.new_service()))
    assert api.find_subscriber_by_short_id("none") is None


# Services


def test_username_in_use_names_its_subscriber(subscribers):
    subscribers.service()
    with pytest.raises(InvalidInput) as refused:
        subscribers.subscriber("Maria Santos")
    (wrong,) = refused.value.errors
    assert wrong.field == "service.pppoe_username"
    assert wrong.message == "juan.delacruz is already used by Juan dela Cruz (juan.delacruz)"


def test_usernames_are_compared_exactly(subscribers):
    for username in ("juan", "Juan", "JUAN", "007", "7", "0007", "juan@isp", "juan @isp", "peña", "pena"):
        subscribers.subscriber(username, username)
    kept = {
        service.pppoe_username
        for view in subscribers.api.list_subscribers(SubscriberQuery(), 50, None).items
        for service in view.services
    }
    assert len(kept) == 10


def test_termination_frees_username_and_address(subscribers):
    juan = subscribers.subscriber(static_ip="10.0.0.9")
    subscribers.api.terminate_service(TerminateService(service_id=juan.services[0].id))
    maria = subscribers.subscriber("Maria", static_ip="10.0.0.9")
    assert maria.services[0].pppoe_username == "juan.delacruz"


def test_static_ip_in_use_names_its_subscriber(subscribers):
    subscribers.subscriber(static_ip="10.0.0.9")
    maria = subscribers.subscriber("Maria", "maria", static_ip=None).services[0]
    change = ChangeService(service_id=maria.id, static_ip="10.0.0.9")
    with pytest.raises(InvalidInput, match=r"10.0.0.9 is already used by Juan dela Cruz \(juan.delacruz\)"):
        subscribers.api.change_service(change)


def test_unknown_router_or_plan_is_refused(subscribers):
    for changes, field in (
        ({"router_id": "none"}, "service.router_id"),
        ({"plan_id": "none"}, "service.plan_id"),
    ):
        assert refused_fields(lambda changes=changes: subscribers.subscriber(**changes)) == [field]


def test_every_change_is_published_once_with_the_next_version(subscribers):
    service = subscribers.service()
    faster = subscribers.plan("Fiber 100 Mbps", download_kbps=100_000)
    discount = Discount(DiscountKind.PERCENT, 1_000, date(2026, 12, 31))
    subscribers.new_events()
    changes = [
        {"plan_id": faster.id},
        {"pppoe_username": "Juan.DelaCruz"},
        {"pppoe_password": "new"},
        {"static_ip": "10.0.0.7"},
        {"individual_price": Money(120_000), "discount": discount},
        {"clear": ("static_ip",)},
        {"session_limit": 2},
        {"clear": ("session_limit",)},
        {"individual_price": Money(0)},  # a price of zero is not the plan's price
        {"clear": ("individual_price", "discount")},
    ]
    for version, change in enumerate(changes, start=2):
        view = subscribers.api.change_service(ChangeService(service_id=service.id, **change))
        (event,) = subscribers.new_events()
        assert type(event) is ServiceChanged
        assert view.version == event.service.version == version
        assert (view.plan_id, view.static_ip, view.billing_terms, view.session_limit) == (
            event.service.plan.id,
            event.service.static_ip,
            event.service.billing_terms,
            event.service.session_limit,
        )
    assert subscribers.api.get_service(service.id) == view


def test_change_without_effect_is_not_published(subscribers):
    service = subscribers.service()
    same = ChangeService(
        service_id=service.id,
        pppoe_username=service.pppoe_username,
        plan_id=service.plan_id,
        router_id=service.router_id,
        clear=("individual_price", "discount"),
        session_limit=service.session_limit,
    )
    assert subscribers.api.change_service(same) == service
    assert subscribers.new_events() == []


def test_only_optional_fields_can_be_emptied(subscribers):
    service = subscribers.service()
    command = ChangeService(service_id=service.id, clear=("pppoe_username",))
    assert refused_fields(lambda: subscribers.api.change_service(command)) == ["clear"]


def test_a_new_service_allows_one_session_by_default(subscribers):
    juan = subscribers.subscriber()
    (created,) = (event for event in subscribers.new_events() if type(event) is ServiceCreated)
    assert (juan.services[0].session_limit, created.service.session_limit) == (1, 1)
    assert subscribers.add_service(juan.id, "two", session_limit=2).session_limit == 2
    assert subscribers.add_service(juan.id, "free", session_limit=None).session_limit is None
    (service,) = juan.services
    change = ChangeService(service_id=service.id, session_limit=4)
    assert subscribers.api.change_service(change).session_limit == 4
    other = ChangeService(service_id=service.id, static_ip="10.0.0.7")
    assert subscribers.api.change_service(other).session_limit == 4
    none = ChangeService(service_id=service.id, clear=("session_limit",))
    assert subscribers.api.change_service(none).session_limit is None


@pytest.mark.parametrize("limit", [0, -1, 17])
def test_error_names_the_session_limit(subscribers, limit):
    assert refused_fields(lambda: subscribers.subscriber(session_limit=limit)) == ["service.session_limit"]
    service = subscribers.service()
    change = ChangeService(service_id=service.id, session_limit=limit)
    assert refused_fields(lambda: subscribers.api.change_service(change)) == ["session_limit"]


def test_termination_is_permanent(subscribers):
    service = subscribers.service()
    command = TerminateService(service_id=service.id)
    gone = subscribers.api.terminate_service(command)
    assert gone.status is ServiceStatus.TERMINATED
    (event,) = subscribers.new_events()
    assert (type(event), event.service.version) == (ServiceTerminated, 2)
    assert subscribers.api.terminate_service(command) == gone
    assert subscribers.new_events() == []
    with pytest.raises(Conflict, match=r"juan\.delacruz is terminated"):
        subscribers.api.change_service(ChangeService(service_id=service.id, pppoe_password="x"))


# Plans


def test_new_and_changed_plans_are_published(subscribers):
    plan = subscribers.plan("Fiber 100", burst=None, address_pool="pool-a")
    assert subscribers.new_events() == [PlanChanged(plan=plan)]
    dearer = subscribers.api.change_plan(ChangePlan(plan_id=plan.id, price=Money(200_000)))
    assert (dearer.version, dearer.price) == (2, Money(200_000))
    assert subscribers.new_events() == [PlanChanged(plan=dearer)]
    assert subscribers.api.change_plan(ChangePlan(plan_id=plan.id, price=Money(200_000))) == dearer
    assert subscribers.new_events() == []


def test_archived_plan_is_kept_but_cannot_be_chosen(subscribers):
    service = subscribers.service()
    archive = ArchivePlan(plan_id=subscribers.fiber.id)
    archived = subscribers.api.archive_plan(archive)
    assert archived.status is PlanStatus.ARCHIVED
    assert subscribers.api.archive_plan(archive) == archived
    assert len(subscribers.new_events()) == 1
    with pytest.raises(Conflict, match="plan Fiber 50 Mbps is archived; choose another"):
        subscribers.subscriber("Maria", "maria")
    again = ChangeService(service_id=service.id, plan_id=subscribers.fiber.id, pppoe_password="new")
    assert subscribers.api.change_service(again).version == 2
    assert subscribers.plan().name == "Fiber 50 Mbps"  # its name is free again


def test_archived_plan_keeps_its_name_when_an_active_plan_has_it_too(subscribers):
    old = subscribers.api.archive_plan(ArchivePlan(plan_id=subscribers.fiber.id))
    subscribers.plan(old.name)
    dearer = ChangePlan(plan_id=old.id, name=old.name, price=Money(160_000))
    assert subscribers.api.change_plan(dearer).price == Money(160_000)


def test_plan_name_in_use_is_refused(subscribers):
    assert refused_fields(lambda: subscribers.plan("  Fiber 50 Mbps ")) == ["name"]
    other = subscribers.plan("Other")
    rename = ChangePlan(plan_id=other.id, name="Fiber 50 Mbps")
    assert refused_fields(lambda: subscribers.api.change_plan(rename)) == ["name"]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": " "}),
        ("price", {"price": Money(-1)}),
        ("price", {"price": Money(100, "USD")}),
        ("download_kbps", {"download_kbps": 0}),
        ("upload_kbps", {"upload_kbps": 10**10}),
        ("burst.download_kbps", {"burst": replace(BURST, download_kbps=49_000)}),
        ("address_pool", {"address_pool": "x" * 64}),
    ],
)
def test_error_names_the_bad_plan_field(subscribers, field, changes):
    values = {
        "name": "New",
        "price": Money(0),
        "billing_type": BillingType.POSTPAID,
        "download_kbps": 50_000,
        "upload_kbps": 50_000,
    }
    command = CreatePlan(**{**values, **changes})
    assert refused_fields(lambda: subscribers.api.create_plan(command)) == [field]
    assert subscribers.new_events() == []


def test_burst_cannot_be_below_the_speed(subscribers):
    plan = subscribers.plan("Bursting", burst=BURST)
    assert subscribers.api.get_plan(plan.id).burst == BURST
    change = ChangePlan(plan_id=plan.id, download_kbps=70_000)
    assert refused_fields(lambda: subscribers.api.change_plan(change)) == ["burst.download_kbps"]
    assert subscribers.api.get_plan(plan.id) == plan


def test_speed_and_burst_can_be_raised_together(subscribers):
    plan = subscribers.plan("Burst", burst=BURST)
    faster = replace(BURST, download_kbps=120_000, upload_kbps=120_000)
    changed = subscribers.api.change_plan(ChangePlan(plan_id=plan.id, download_kbps=100_000, burst=faster))
    assert (changed.download_kbps, changed.burst, changed.version) == (100_000, faster, 2)


def test_only_burst_and_address_pool_of_a_plan_can_be_emptied(subscribers):
    plan = subscribers.plan("Burst", burst=BURST, address_pool="pppoe")
    bare = subscribers.api.change_plan(ChangePlan(plan_id=plan.id, clear=("burst", "address_pool")))
    assert (bare.burst, bare.address_pool) == (None, None)
    assert refused_fields(
        lambda: subscribers.api.change_plan(ChangePlan(plan_id=plan.id, clear=("price",)))
    ) == ["clear"]


# Revealing a password


def test_password_is_revealed(subscribers):
    service = subscribers.service()
    revealed = subscribers.api.reveal_password(RevealPassword(service_id=service.id, actor="ana"))
    assert revealed == RevealedPassword(service.id, "juan.delacruz", "pppoe-pass-01")
    subscribers.api.change_service(ChangeService(service_id=service.id, pppoe_password="another-one"))
    revealed = subscribers.api.reveal_password(RevealPassword(service_id=service.id))
    assert revealed.pppoe_password == "another-one"


def test_password_of_a_terminated_service_is_not_revealed(subscribers):
    service = subscribers.service()
    subscribers.api.terminate_service(TerminateService(service_id=service.id))
    with pytest.raises(Conflict, match=r"juan\.delacruz is terminated"):
        subscribers.api.reveal_password(RevealPassword(service_id=service.id))
    with pytest.raises(NotFound):
        subscribers.api.reveal_password(RevealPassword(service_id="none"))


# Concurrent requests


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_concurrently_taken_username_is_a_conflict(subscribers):
    juan = subscribers.subscriber()
    replica = subscribers.tested.another().runtime

    def add(runtime, session):
        services.add_service(
            session,
            AddService(subscriber_id=juan.id, service=subscribers.new_service("the.same")),
            cipher=runtime.cipher,
            now=runtime.now(),
            today=runtime.today(),
        )

    def rival():
        with replica.transaction() as session:
            add(replica, session)

    with pytest.raises(Conflict, match=r"the\.same or its static IP address was just taken"):
        while_held(subscribers.tested, lambda session: add(subscribers.runtime, session), rival)


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_concurrent_rename_to_the_same_username_is_a_conflict(subscribers):
    first, second = subscribers.service("first", "First"), subscribers.service("second", "Second")
    replica = subscribers.tested.another().runtime

    def rename(runtime, session, service):
        command = ChangeService(service_id=service.id, pppoe_username="wanted", static_ip="10.0.0.1")
        services.change_service(
            session, command, cipher=runtime.cipher, now=runtime.now(), today=runtime.today()
        )

    def rival():
        with replica.transaction() as session:
            rename(replica, session, second)

    with pytest.raises(Conflict, match="was just taken by someone else"):
        while_held(subscribers.tested, lambda session: rename(subscribers.runtime, session, first), rival)
    assert subscribers.api.get_service(second.id) == second


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_concurrently_taken_plan_name_is_a_conflict(subscribers):
    replica = subscribers.tested.another().runtime
    command = CreatePlan(
        name="New", price=Money(1), billing_type=BillingType.POSTPAID, download_kbps=1, upload_kbps=1
    )

    def rival():
        with replica.transaction() as session:
            plans.create_plan(session, command, now=replica.now())

    with pytest.raises(Conflict, match="the plan name New was just taken"):
        while_held(
            subscribers.tested,
            lambda session: plans.create_plan(session, command, now=replica.now()),
            rival,
        )


# Billing


def test_service_is_billed_from_the_day_it_is_added_unless_another_is_given(subscribers):
    today = subscribers.runtime.today()
    service = subscribers.service()
    subscribers.new_events()
    later = subscribers.add_service(
        service.subscriber_id, "juan.shop", billed_from=today + timedelta(days=30)
    )
    assert (service.billed_from, later.billed_from) == (today, today + timedelta(days=30))
    (created,) = subscribers.new_events()
    assert created.service.billed_from == later.billed_from


def test_changed_billed_from_is_published(subscribers):
    service = subscribers.service()
    day = subscribers.runtime.today() - timedelta(days=40)
    subscribers.api.change_service(ChangeService(service_id=service.id, billed_from=day))
    (changed,) = subscribers.new_events()
    assert changed.service.billed_from == day


def test_billed_from_more_than_a_year_away_is_refused(subscribers):
    service = subscribers.service()
    far = subscribers.runtime.today() - timedelta(days=367)
    with pytest.raises(InvalidInput) as refused:
        subscribers.api.change_service(ChangeService(service_id=service.id, billed_from=far))
    assert [wrong.field for wrong in refused.value.errors] == ["billed_from"]


def test_day_of_termination_is_published(subscribers):
    service = subscribers.service()
    subscribers.api.terminate_service(TerminateService(service_id=service.id))
    (terminated,) = subscribers.new_events()
    assert terminated.service.terminated_on == subscribers.runtime.today()
