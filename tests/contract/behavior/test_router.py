"""What every implementation of the router contract must do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.common import IdempotencyMismatch, NotFound
from contracts.router import ChangeRouter, RegisterRouter, RouterStatus

from tests.contract.behavior.backends import Backend
from tests.contract.behavior.checks import assert_invalid, assert_pages

MAIN = RegisterRouter(name="Main", nas_address="10.0.0.1", radius_secret="s3cret")


def test_unknown_router_is_not_found(isp: Backend) -> None:
    with pytest.raises(NotFound):
        isp.router.get_router("nothing")
    with pytest.raises(NotFound):
        isp.router.change_router(ChangeRouter(router_id="nothing", name="Main"))


def test_routers_are_listed_newest_first(isp: Backend) -> None:
    routers = [isp.new_router() for _ in range(5)]

    assert isp.router.get_router(routers[0].id) == routers[0]
    assert_pages(isp.router.list_routers, [router.id for router in reversed(routers)])


def test_repeated_registration_gets_the_first_answer(isp: Backend) -> None:
    command = replace(MAIN, idempotency_key="main-1")
    first = isp.router.register_router(command)

    assert isp.router.register_router(command) == first
    with pytest.raises(IdempotencyMismatch):
        isp.router.register_router(replace(command, name="Other"))


def test_name_and_address_are_taken(isp: Backend) -> None:
    isp.router.register_router(MAIN)
    other = isp.new_router(name="Other", nas_address="10.0.0.2")

    with assert_invalid("name"):
        isp.router.register_router(replace(MAIN, nas_address="10.0.0.3"))
    with assert_invalid("nas_address"):
        isp.router.register_router(replace(MAIN, name="Third"))
    with assert_invalid("name"):
        isp.router.change_router(ChangeRouter(router_id=other.id, name="Main"))


def test_change_counts_the_version_up_once(isp: Backend) -> None:
    router = isp.router.register_router(MAIN)
    command = ChangeRouter(router_id=router.id, status=RouterStatus.DISABLED, coa_port=1700)

    changed = isp.router.change_router(command)

    assert changed == replace(
        router, version=2, status=RouterStatus.DISABLED, coa_port=1700, edit=changed.edit
    )
    assert isp.router.change_router(command) == changed
