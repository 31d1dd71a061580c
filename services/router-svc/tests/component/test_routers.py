"""Registering and changing routers: unique by name and address, and published with each change."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.common import Conflict, IdempotencyMismatch, InvalidInput, NotFound
from contracts.router import (
    ChangeRouter,
    NasDeregistered,
    NasRegistered,
    RegisterRouter,
    RouterStatus,
    RouterView,
    SessionControl,
)
from contracts.router import Router as RouterApi
from router_svc.service import RouterService
from router_svc.usecases import routers as usecases
from testkit.component import ServiceUnderTest, client_of, while_held


class RoutersUnderTest:
    def __init__(self, tested: ServiceUnderTest) -> None:
        self.tested = tested
        self.runtime = tested.runtime
        self.api = client_of(RouterApi, RouterService, tested.runtime)

    def register(self, name: str = "Main Router", address: str = "10.10.0.1", **more: Any) -> RouterView:
        return self.api.register_router(command(name, address, **more))

    def change(self, router: RouterView, **changes: Any) -> RouterView:
        return self.api.change_router(ChangeRouter(router_id=router.id, **changes))


def command(name: str = "Main Router", address: str = "10.10.0.1", **more: Any) -> RegisterRouter:
    return RegisterRouter(name=name, nas_address=address, **{"radius_secret": "s3cret", **more})


@pytest.fixture
def routers(tested: ServiceUnderTest) -> RoutersUnderTest:
    return RoutersUnderTest(tested)


def test_router_is_published_with_an_encrypted_secret(routers):
    router = routers.register()
    assert routers.api.get_router(router.id) == router
    assert (router.version, router.status, router.coa_port) == (1, RouterStatus.ONLINE, 3799)
    (event,) = routers.tested.new_events()
    assert type(event) is NasRegistered
    assert event.router == router
    assert "s3cret" not in str(event)
    assert routers.runtime.cipher.decrypt(event.radius_secret_encrypted, aad=router.id) == "s3cret"


def test_every_change_is_published_once_with_the_next_version(routers):
    router = routers.register()
    routers.tested.new_events()
    for version, change in enumerate(
        (
            {"name": "North"},
            {"nas_address": "10.10.0.2"},
            {"radius_secret": "another"},
            {"coa_port": 1700},
            {"session_control": SessionControl.COA},
            {"require_message_authenticator": False},
        ),
        start=2,
    ):
        changed = routers.change(router, **change)
        (event,) = routers.tested.new_events()
        assert (type(event), event.router) == (NasRegistered, changed)
        assert changed.version == version
    assert routers.change(router, name=" North ", coa_port=1700) == changed
    assert routers.tested.new_events() == []


def test_disabled_router_is_deregistered_until_it_is_enabled(routers):
    router = routers.register()
    routers.tested.new_events()
    routers.change(router, status=RouterStatus.DISABLED)
    routers.change(router, name="Changed while disabled")
    assert routers.tested.new_events() == [
        NasDeregistered(router_id=router.id, version=2),
        NasDeregistered(router_id=router.id, version=3),
    ]
    back = routers.change(router, status=RouterStatus.ONLINE)
    (event,) = routers.tested.new_events()
    assert (type(event), event.router) == (NasRegistered, back)


def test_name_or_address_in_use_names_its_router(routers):
    routers.register()
    for changes, field in (({"name": "Other"}, "nas_address"), ({"address": " 10.10.0.2"}, "name")):
        with pytest.raises(InvalidInput, match="is already used by router Main Router") as refused:
            routers.register(**changes)
        assert [wrong.field for wrong in refused.value.errors] == [field]
    other = routers.register("Other", "fd00::0001")
    assert other.nas_address == "fd00::1"
    with pytest.raises(InvalidInput):
        routers.change(other, nas_address="10.10.0.1")
    assert routers.api.get_router(other.id) == other


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 101}),
        ("nas_address", {"address": "router.example"}),
        ("radius_secret", {"radius_secret": ""}),
        ("radius_secret", {"radius_secret": "\ud83d"}),
        ("coa_port", {"coa_port": 0}),
    ],
)
def test_error_names_the_field_and_nothing_is_saved(routers, field, changes):
    with pytest.raises(InvalidInput) as refused:
        routers.register(**changes)
    assert [wrong.field for wrong in refused.value.errors] == [field]
    assert routers.api.list_routers(10, None).items == []
    assert routers.tested.new_events() == []


def test_same_idempotency_key_registers_one_router(routers):
    first = routers.register(idempotency_key="click")
    assert routers.register(idempotency_key="click") == first
    with pytest.raises(IdempotencyMismatch):
        routers.register(idempotency_key="click", radius_secret="another")
    assert len(routers.api.list_routers(10, None).items) == 1


def test_unknown_router_is_not_found(routers):
    with pytest.raises(NotFound):
        routers.api.get_router("none")
    with pytest.raises(NotFound):
        routers.api.change_router(ChangeRouter(router_id="none", name="x"))


def test_pages_contain_every_router_once(routers):
    registered = {routers.register(f"Router {n}", f"10.0.0.{n}").id for n in range(1, 6)}
    seen, after = [], None
    while True:
        page = routers.api.list_routers(2, after)
        seen += [view.id for view in page.items]
        if page.next is None:
            break
        after = page.next
    assert set(seen) == registered
    assert len(seen) == 5


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_concurrently_taken_address_is_a_conflict(routers):
    replica = routers.tested.another().runtime

    def register(runtime, session, name: str):
        usecases.register_router(session, command(name), cipher=runtime.cipher, now=runtime.now())

    def rival():
        with replica.transaction() as session:
            register(replica, session, "Second")

    with pytest.raises(Conflict, match="was just taken by someone else"):
        while_held(routers.tested, lambda session: register(routers.runtime, session, "First"), rival)
    assert [view.name for view in routers.api.list_routers(10, None).items] == ["First"]
