from datetime import timedelta

import pytest
from contracts.common import Unavailable
from gateway.http import idempotency
from gateway.models import IdempotencyKey, Role
from gateway.service import GatewayService
from gateway_fakes import basic
from sqlalchemy import select

PLAN = {"name": "Fiber 50 Mbps", "price": 150000, "download_kbps": 50000, "upload_kbps": 50000}
KEY = {"Idempotency_Key": "key-1"}


def test_repeated_request_gets_the_first_answer(api, world):
    first, second = (api("POST", "/plans", PLAN, **KEY) for _ in range(2))
    assert (second.status_code, second.json) == (201, first.json)
    assert len(world.commands("create_plan")) == 1


def test_repeated_request_gets_the_first_error(api, world):
    first, second = (api("POST", "/plans", {}, **KEY) for _ in range(2))
    assert second.status_code == 422
    assert second.content_type == "application/problem+json"
    assert second.json == first.json


def test_key_with_another_body_or_path_is_refused(api):
    api("POST", "/plans", PLAN, **KEY)
    assert api("POST", "/plans", {**PLAN, "name": "Other"}, **KEY).status_code == 422
    assert api("POST", "/routers", PLAN, **KEY).status_code == 422


def test_two_operators_may_use_the_same_key(api_as):
    owner, admin = api_as(Role.OWNER), api_as(Role.ADMIN)
    first = owner("POST", "/plans", PLAN, **KEY).json
    second = admin("POST", "/plans", {**PLAN, "name": "Other"}, **KEY).json
    assert first["id"] != second["id"]


def test_repeat_of_a_running_request_is_a_conflict(api, gateway):
    """While the first request is running, its row has no answer."""
    seen = []

    def meanwhile(*_):
        seen.append(api("POST", "/plans", PLAN, **KEY).status_code)
        raise Unavailable("down")

    gateway.services.subscriber.create_plan = meanwhile
    assert api("POST", "/plans", PLAN, **KEY).status_code == 503
    assert seen == [409]


def test_request_that_failed_on_our_side_may_be_retried(api, world):
    world.failing["create_plan"] = Unavailable("down")
    assert api("POST", "/plans", PLAN, **KEY).status_code == 503
    world.failing.clear()
    assert api("POST", "/plans", PLAN, **KEY).status_code == 201


def test_request_of_a_dead_process_is_finished_and_not_repeated(api, gateway, world, wall, database):
    """The service carried it out, and the gateway was killed before storing the answer."""
    api("POST", "/plans", PLAN, **KEY)
    with database.transaction() as session:
        row = session.scalars(select(IdempotencyKey)).one()
        row.status = row.body_encrypted = row.content_type = None
    assert api("POST", "/plans", PLAN, **KEY).status_code == 409
    wall.advance(seconds=16)
    again = api("POST", "/plans", PLAN, **KEY)
    assert again.status_code == 201
    assert len(world.plans) == 1


def test_late_answer_does_not_overwrite_the_stored_one(gateway, wall, database):
    slow = idempotency.claim(gateway, "operator", "key", "same")
    wall.advance(seconds=16)
    fast = idempotency.claim(gateway, "operator", "key", "same")
    with database.transaction() as session:
        idempotency.keep(gateway, session, fast, idempotency.KeptAnswer(201, "application/json", "fast"))
        idempotency.keep(gateway, session, slow, idempotency.KeptAnswer(201, "application/json", "slow"))
    assert idempotency.claim(gateway, "operator", "key", "same").body == "fast"


def test_service_gets_the_key_prefixed_with_the_operator(api, world):
    api("POST", "/plans", PLAN, **KEY)
    (command,) = world.commands("create_plan")
    operator_id, key = command.idempotency_key.split(":")
    assert (len(operator_id), key) == (36, "key-1")
    assert command.actor == "owner@example.com"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_invalid_key_is_named(api, key):
    answer = api("POST", "/plans", PLAN, Idempotency_Key=key)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "Idempotency-Key"


def test_stored_token_is_not_readable_in_the_database(app, add_operator, database):
    email = add_operator().email
    headers = {**basic(email), "Idempotency-Key": "k"}
    first, second = (
        app.test_client().post("/api/v1/tokens", json={"name": "x"}, headers=headers) for _ in range(2)
    )
    assert first.json == second.json
    with database.reading() as session:
        row = session.scalars(select(IdempotencyKey)).one()
    assert first.json["token"] not in row.body_encrypted


def test_upkeep_forgets_keys_after_72_hours(api, gateway, wall, database):
    api("POST", "/plans", PLAN, **KEY)
    service = GatewayService()
    service.web = gateway
    service.upkeep()
    with database.reading() as session:
        assert len(session.scalars(select(IdempotencyKey)).all()) == 1
    wall.instant += timedelta(hours=73)
    with database.transaction() as session:
        idempotency.forget_old(gateway, session)
    with database.reading() as session:
        assert session.scalars(select(IdempotencyKey)).all() == []
