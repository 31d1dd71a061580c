"""Old rows are deleted, unless they are open, not counted, or still needed as evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contracts.radius import RequestKind, RequestOutcome
from radius_svc import jobs
from radius_svc.models import (
    DailyUsage,
    RadAcct,
    RadPostAuth,
    Reconnect,
    RequestAttempt,
    SessionChange,
    UsageMark,
    UsageProgress,
)
from radius_svc.usecases import retention
from servicekit.ids import new_id
from sqlalchemy import event, func, select, update

ASKED = (SessionChange, RequestAttempt, Reconnect)


def count(control):
    jobs.count_usage(control.runtime, "one")


def delete_old(control, **settings):
    runtime = control.runtime
    kept = runtime.settings
    runtime.settings = replace(kept, **settings)
    jobs.delete_old(runtime, "one")
    runtime.settings = kept


def sessions(control):
    with control.runtime.reading() as session:
        return list(session.scalars(select(RadAcct.acctsessionid).order_by(RadAcct.radacctid)))


def rows(control, model):
    with control.runtime.reading() as session:
        return session.scalar(select(func.count()).select_from(model))


@pytest.fixture
def juan(control):
    return control.service()


@pytest.fixture
def ended(control, juan):
    """A session that has ended and has been counted."""
    live = control.dial(juan)
    control.amend(live, acctoutputoctets=700)
    control.stop(live)
    for _ in range(3):
        count(control)
    return live


class TestSessions:
    def test_an_old_session_is_deleted_and_its_usage_stays(self, control, juan, ended):
        control.clock.advance(days=399)
        delete_old(control)
        assert sessions(control) == [ended.acct_session_id]
        control.clock.advance(days=2)
        delete_old(control)
        assert sessions(control) == []
        with control.runtime.reading() as session:
            assert session.scalar(select(DailyUsage.download_octets)) == 700

    def test_an_open_session_is_never_deleted(self, control, juan):
        live = control.dial(juan)
        for _ in range(3):
            count(control)
        control.clock.advance(days=2000)
        delete_old(control)
        assert sessions(control) == [live.acct_session_id]

    def test_a_session_that_ended_recently_stays(self, control, juan):
        live = control.dial(juan)
        control.clock.advance(days=500)
        control.stop(live)
        for _ in range(3):
            count(control)
        delete_old(control)
        assert sessions(control) == [live.acct_session_id]

    def test_a_session_that_is_not_counted_stays(self, control, juan):
        live = control.dial(juan)
        control.amend(live, acctoutputoctets=700)
        control.stop(live)
        control.clock.advance(days=500)
        delete_old(control)
        assert sessions(control) == [live.acct_session_id]

    def test_a_session_that_can_still_grow_stays(self, control, juan, ended):
        with control.runtime.transaction() as session:
            radacctid = session.scalar(select(RadAcct.radacctid))
            session.merge(UsageMark(radacctid=radacctid, download_octets=1, upload_octets=0, final=False))
        control.clock.advance(days=500)
        delete_old(control)
        assert sessions(control) == [ended.acct_session_id]

    def test_nothing_is_deleted_with_a_retention_of_0_days(self, control, ended):
        control.clock.advance(days=5000)
        delete_old(control, session_days=0, reject_days=0)
        assert sessions(control) == [ended.acct_session_id]

    def test_the_retention_period_can_be_set(self, control, ended):
        control.clock.advance(days=31)
        delete_old(control, session_days=30)
        assert sessions(control) == []

    def test_many_sessions_are_deleted_in_a_limited_number_of_batches(self, control, juan, monkeypatch):
        monkeypatch.setattr(retention, "BATCH", 2)
        monkeypatch.setattr(jobs, "MAX_BATCHES", 2)
        for _ in range(5):
            control.stop(control.dial(juan))
        for _ in range(3):
            count(control)
        control.clock.advance(days=500)
        delete_old(control)
        assert len(sessions(control)) == 1
        delete_old(control)
        assert sessions(control) == []

    def test_only_one_replica_deletes(self, control, ended):
        other = control.tested.another().runtime
        delete_old(control)
        control.clock.advance(days=500)
        jobs.delete_old(other, "two")
        other.database.close()
        assert sessions(control) == [ended.acct_session_id]

    @pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
    def test_a_session_reopened_in_the_meantime_is_skipped(self, control, tested, ended):
        control.clock.advance(days=500)
        rival = tested.another()
        with control.runtime.transaction() as session:
            session.execute(update(RadAcct).values(acctstoptime=None))
            with rival.runtime.transaction() as other:
                assert retention.delete_sessions(other, control.runtime.now() - timedelta(days=400)) == 0
        rival.runtime.database.close()
        assert sessions(control) == [ended.acct_session_id]

    def test_old_sessions_are_found_despite_wrong_times(self, control):
        """Times of a wrong clock, of a session reported late, and no time at all."""
        days_ago = {number: 500 - number for number in range(1, 201)}
        began = {**days_ago, 40: -30_000, 95: 100, 150: 480}
        with control.runtime.transaction() as session:
            for number, days in began.items():
                at = control.runtime.now() - timedelta(days=days)
                ended = control.runtime.now() - timedelta(days=days_ago[number], hours=-1)
                session.add(closed_session(number, None if number == 60 else at, ended))
            session.merge(UsageProgress(id=1, counted_to=1_000, seen_to=1_000))
        delete_old(control, session_days=400)
        assert sessions(control) == [f"session-{number}" for number in range(100, 201)]

    def test_few_rows_are_read_to_find_old_sessions(self, control):
        """They are found by id, no matter how many rows there are."""
        with control.runtime.transaction() as session:
            for number in (3, 5_000_000, 7_000_000_000):
                at = control.runtime.now() - timedelta(days=500)
                session.add(closed_session(number, at, at))
        asked: list[tuple[str, Any]] = []
        with control.runtime.transaction() as session:
            connection = session.connection()
            is_sqlite = connection.dialect.name == "sqlite"
            if not is_sqlite:
                session.execute(select(func.set_config("enable_seqscan", "off", True)))

            def note(_connection, _cursor, statement, parameters, *_):
                asked.append((statement, parameters))

            event.listen(connection, "before_cursor_execute", note)
            assert retention.delete_sessions(session, control.runtime.now() - timedelta(days=900)) == 0
            event.remove(connection, "before_cursor_execute", note)
            assert 30 < len(asked) < 50
            explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
            for statement, parameters in {
                statement: (statement, parameters) for statement, parameters in asked
            }.values():
                rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                plan = "\n".join(str(row) for row in rows)
                assert "SCAN radacct" not in plan, plan
                assert "Seq Scan on radacct" not in plan, plan


def closed_session(number, began, ended):
    return RadAcct(
        radacctid=number,
        acctuniqueid=f"session-{number}",
        acctsessionid=f"session-{number}",
        username="juan",
        nasipaddress="127.0.0.1",
        acctstarttime=began,
        acctstoptime=ended,
    )


class TestRejects:
    def test_old_rejects_are_deleted(self, control):
        with control.runtime.transaction() as session:
            for days in (89, 91):
                at = control.runtime.now() - timedelta(days=days)
                session.add(RadPostAuth(username="juan", authdate=at, reason="wrong_password"))
        delete_old(control)
        assert rows(control, RadPostAuth) == 1
        delete_old(control, reject_days=30)
        assert rows(control, RadPostAuth) == 0


class TestRequests:
    def test_old_changes_are_deleted_with_attempts_and_reconnects(self, control, juan):
        live = control.dial(juan)
        service = control.hold(juan)
        control.follow()
        control.stop(live)
        control.release(service)
        control.follow()
        assert [rows(control, model) for model in ASKED] == [2, 1, 1]

        control.clock.advance(days=366)
        delete_old(control, session_days=30)
        assert rows(control, SessionChange) == 2, "reconnects are shown for a year"
        control.clock.advance(days=1)
        delete_old(control, session_days=30)
        assert [rows(control, model) for model in ASKED] == [0, 0, 0]

    def test_pending_changes_stay(self, control, juan):
        control.nas.faults.ignore_coa = True
        control.dial(juan)
        control.hold(juan)
        control.follow()
        control.clock.advance(days=500)
        delete_old(control)
        assert control.statuses(juan) == ["pending"]

    def test_changes_of_open_sessions_stay(self, control, juan):
        """Without the CoA that lifted its fence the session would count as a stray."""
        service = control.release(control.hold(juan))
        control.follow()
        control.dial(service, fenced=True)
        (_, change) = control.changes(service)
        with control.runtime.transaction() as session:
            session.add(
                RequestAttempt(
                    id=new_id(),
                    change_id=change.id,
                    service_id=service.id,
                    acctuniqueid=session.scalar(select(RadAcct.acctuniqueid)),
                    kind=RequestKind.COA,
                    outcome=RequestOutcome.ACKED,
                    detail="",
                    suspended=False,
                    sent_at=control.runtime.now(),
                )
            )
        control.clock.advance(days=500)
        delete_old(control)
        assert [each.id for each in control.changes(service)] == [change.id]
        assert control.look_for_strays() == 0
