"""The command line restores access for an operator whom nobody else can help."""

import pyotp
import pytest
from contracts.common import NotFound
from gateway.identity import api_tokens, second_factor
from gateway.identity.rescue import ACTOR, rescue
from gateway.models import AuditEntry, Operator, Role
from sqlalchemy import select, update


def rescued(gateway, email):
    with gateway.database.transaction() as session:
        return rescue(session, email, now=gateway.wall_now())


def with_second_factor(gateway, identity):
    second_factor.start(gateway, identity)
    secret = second_factor.started_secret(gateway, identity)
    second_factor.confirm(gateway, identity, pyotp.TOTP(secret).at(gateway.wall_now()))


def test_new_password_works_without_the_lost_second_factor(gateway, add_operator, new_browser):
    owner = add_operator(Role.OWNER)
    with_second_factor(gateway, owner)
    password = rescued(gateway, "OWNER@example.com ")
    answer = new_browser.log_in(owner.email, password)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert not second_factor.is_on(gateway, owner.id)


def test_sessions_end_and_a_disabled_operator_is_enabled(gateway, browser, add_operator, new_browser):
    owner = add_operator(Role.OWNER)
    with gateway.database.transaction() as session:
        session.execute(update(Operator).values(disabled=True))
    password = rescued(gateway, owner.email)
    assert browser.get("/plans").headers["Location"].startswith("/login")
    assert new_browser.log_in(owner.email, password).status_code == 303


def test_only_the_operators_own_api_tokens_are_revoked(gateway, api_as, add_operator):
    owner, admin = api_as(Role.OWNER), api_as(Role.ADMIN)
    rescued(gateway, add_operator(Role.OWNER).email)
    assert owner("GET", "/plans").status_code == 401
    assert admin("GET", "/plans").status_code == 200


def test_revoked_token_keeps_the_time_of_its_revocation(gateway, add_operator, wall):
    owner = add_operator(Role.OWNER)
    token_id, _ = api_tokens.create(gateway, owner.id, "old")
    api_tokens.revoke(gateway, owner.id, token_id)
    before = wall.now()
    wall.advance(hours=1)
    rescued(gateway, owner.email)
    assert [token.revoked_at for token in api_tokens.list_of(gateway, owner.id)] == [before]


def test_rescue_is_in_the_audit_log(gateway, add_operator, browser):
    owner = add_operator(Role.OWNER)
    rescued(gateway, owner.email)
    with gateway.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.actor == ACTOR)).one()
    assert entry.record_id == owner.id


def test_unknown_address_lists_the_known_ones(gateway, add_operator):
    add_operator(Role.OWNER)
    with pytest.raises(NotFound, match=r"there are: owner@example\.com"):
        rescued(gateway, "somebody@example.com")
