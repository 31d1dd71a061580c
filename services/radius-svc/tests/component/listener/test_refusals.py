"""How refused logins are recorded."""

from __future__ import annotations

from radius_svc.listener.authentication.reject_throttle import MAX_PROMPT_REJECTS
from radius_svc.models import Nas, RadPostAuth
from simulators.nas import Outcome
from sqlalchemy import select

from .conftest import wait_for


def refusals(radius_database):
    with radius_database.database.reading() as session:
        rows = list(session.scalars(select(RadPostAuth).order_by(RadPostAuth.id)))
        session.expunge_all()
        return rows


def test_repeated_rejects_become_one_row_with_a_count(radius_database, listener, make_nas):
    nas = make_nas(timeout_seconds=5.0, tries=1)
    for _ in range(MAX_PROMPT_REJECTS + 2):
        assert nas.pap("juan", "wrong").outcome is Outcome.REJECTED
    listener.stop()  # which writes the open rows

    rows = refusals(radius_database)
    assert [row.repeats for row in rows] == [None] * MAX_PROMPT_REJECTS + [2]
    assert {(row.username, row.reason, row.pass_) for row in rows} == {("juan", "wrong_password", "")}


def test_an_unsigned_request_with_a_wrong_secret_is_reported(radius_database, make_nas):
    radius_database.nas("127.0.0.1", version=2, require_message_authenticator=False)
    radius_database.wait_in_force()
    nas = make_nas(secret=b"mistyped", sign_access_requests=False)

    def mismatch():
        nas.pap("juan", "clientPass")  # the router drops our answer, because it is signed with our secret
        with radius_database.database.reading() as session:
            return session.scalar(select(Nas.last_secret_mismatch_at))

    wait_for(mismatch, what="the mismatch to be noted")
    wait_for(lambda: refusals(radius_database) or None, what="the refusal to be recorded")
    assert "secret_mismatch" in {row.reason for row in refusals(radius_database)}
