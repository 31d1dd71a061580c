"""Live accounts are looked up by username in their index (see models.LIVE_ACCOUNT)."""

from __future__ import annotations

import pytest
from contracts.radius import RejectQuery
from radius_svc.models import RadPostAuth
from radius_svc.queries.rejects import list_rejects
from radius_svc.usecases.following import probing
from sqlalchemy import event


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
            if not database.is_sqlite:  # PostgreSQL reads such small tables completely, unless told not to
                connection.exec_driver_sql("SET enable_seqscan = off")
            word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            return [
                str(connection.exec_driver_sql(f"{word} {statement}", parameters).all())
                for statement, parameters in statements
            ]

    return explain


@pytest.fixture(autouse=True)
def _refused(control):
    control.service()
    refusal = {"reply": "Access-Reject", "reason": "too_many_sessions", "authdate": control.runtime.now()}
    with control.runtime.transaction() as session:
        session.add(RadPostAuth(username="juan", **refusal))


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
