"""Live accounts are looked up by username in their index (see models.LIVE_ACCOUNT)."""

from __future__ import annotations

import pytest
from contracts.radius import RejectQuery
from radius_svc.models import RadiusAccount, RadPostAuth
from radius_svc.queries.rejects import list_rejects
from radius_svc.usecases.following import probing
from sqlalchemy import event, insert, text


@pytest.fixture
def plans_of(control):
    """Call it with a function that reads; returns the plans of its statements on accounts."""
    database = control.runtime.database

    def explain(read):
        statements = []

        def note(_connection, _cursor, statement, parameters, _context, _many):
            if "radius_account.username" in statement:
                statements.append((statement, parameters))

        event.listen(database.engine, "before_cursor_execute", note)
        with control.runtime.reading() as session:
            read(session)
        event.remove(database.engine, "before_cursor_execute", note)
        with database.engine.connect() as connection:
            word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            return [
                str(connection.exec_driver_sql(f"{word} {statement}", parameters).all())
                for statement, parameters in statements
            ]

    return explain


@pytest.fixture(autouse=True)
def _many_accounts(control):
    """One refused login among thousands of accounts: enough that every planner prefers the index.

    With a few rows, PostgreSQL's choice depends on whether autovacuum has looked at the tables yet.
    """
    control.service()
    account = {"version": 1, "subscriber_id": "s", "password_encrypted": "", "plan_id": "p", "changed_seq": 1}
    accounts = [
        {"service_id": f"service-{n}", "username": f"user-{n}", "terminated": n % 2 == 0, **account}
        for n in range(5_000)
    ]
    refusal = {"reply": "Access-Reject", "reason": "too_many_sessions", "authdate": control.runtime.now()}
    with control.runtime.transaction() as session:
        session.execute(insert(RadiusAccount), accounts)
        session.add(RadPostAuth(username="juan", **refusal))
    with control.runtime.transaction() as session:
        session.execute(text("ANALYZE"))


def test_refused_logins_are_found_in_the_index(control, plans_of):
    found = []
    plans = plans_of(lambda session: found.extend(probing.refused_logins(session, now=control.runtime.now())))
    assert len(found) == 1
    assert plans
    assert all("uq_radius_account_live_username" in plan for plan in plans)


def test_services_of_rejects_are_found_in_the_index(plans_of):
    plans = plans_of(lambda session: list_rejects(session, RejectQuery(), 25, None))
    assert plans
    assert all("uq_radius_account_live_username" in plan for plan in plans)
