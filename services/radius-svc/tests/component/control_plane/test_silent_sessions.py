"""Sessions that stopped reporting are closed, unless their router or this server was down."""

from __future__ import annotations

import pytest
from radius_svc import jobs
from radius_svc.models import NasHearing, RadAcct, RadGroupReply, RadReply, RadUserGroup
from radius_svc.usecases import silent_sessions
from sqlalchemy import select, update

from .conftest import ON_SQLITE


def look(control, holder="one"):
    jobs.close_silent_sessions(control.runtime, holder)


def report(control, *lives, **columns):
    """Send an Interim-Update of each session."""
    for live in lives:
        control.amend(live, acctupdatetime=control.runtime.now(), acctsessiontime=60, **columns)


def minutes_pass(control, minutes, *reporting, looking=True):
    """`reporting` sessions report every five minutes; the job runs every minute.

    A silent session is closed after 16 minutes, and always before 20.
    """
    for minute in range(minutes):
        control.clock.advance(minutes=1)
        if minute % 5 == 0:
            report(control, *reporting)
        if looking:
            look(control)


def is_open(control, live):
    return control.row(live).acctstoptime is None


@pytest.fixture
def lost(control):
    """A session whose Stop was lost, and whose last report was just now."""
    live = control.dial(control.service("lost"))
    report(control, live)
    return live


@pytest.fixture
def ana(control):
    return control.dial(control.service("ana"))


class TestClosing:
    def test_it_is_closed_as_of_its_last_report(self, control, lost, ana):
        heard_at = control.row(lost).acctupdatetime
        minutes_pass(control, 16, ana)
        assert is_open(control, lost)
        minutes_pass(control, 4, ana)

        row = control.row(lost)
        assert row.acctstoptime == heard_at == row.acctupdatetime
        assert (row.closed_on_evidence, row.acctterminatecause) == ("missed-interims", "Lost-Carrier")
        assert is_open(control, ana)

    @ON_SQLITE
    def test_a_session_that_reports_stays_open(self, control, lost, ana):
        minutes_pass(control, 40, lost, ana)
        assert is_open(control, lost)

    def test_the_timeline_shows_the_reason(self, control, ana):
        service = control.service("lost")
        report(control, control.dial(service))
        minutes_pass(control, 20, ana)
        events = control.api.list_line_events([service.id], 10)
        assert "the router stopped reporting it" in [event.detail for event in events]

    def test_reports_of_another_router_do_not_count(self, control, lost):
        control.register(router_id="other", nas_address="127.0.0.2")
        other = control.dial(control.service("ana"), router_id="other", nasipaddress="127.0.0.2")
        minutes_pass(control, 25, other)
        assert is_open(control, lost)

    def test_the_only_session_of_a_router_is_not_closed(self, control, lost):
        minutes_pass(control, 25)
        assert is_open(control, lost)

    def test_sessions_without_interim_reports_are_not_closed(self, control):
        """Starts show that it is alive, but silence proves nothing."""
        lost = control.dial(control.service("lost"))
        for number in range(25):
            control.dial(control.service(f"ana-{number}"))
            minutes_pass(control, 1)
        assert is_open(control, lost)

    def test_a_session_that_ended_before_its_first_report_is_closed(self, control, ana):
        lost = control.dial(control.service("lost"), acctsessiontime=0)
        minutes_pass(control, 20, ana)
        assert not is_open(control, lost)

    def test_a_session_not_configured_to_report_is_not_closed(self, control, ana):
        """FreeRADIUS sent no interval; the router may have one of its own."""
        lost = control.dial(control.service("lost"), username="guest", service_id=None)
        minutes_pass(control, 25, ana)
        assert is_open(control, lost)

    @ON_SQLITE
    @pytest.mark.parametrize("where", ["own", "group", "measured"])
    def test_a_longer_interval_delays_the_closing(self, control, lost, ana, where):
        if where == "measured":
            control.amend(lost, acctinterval=600)
        else:
            reply = {"attribute": "Acct-Interim-Interval", "op": ":=", "value": "600"}
            with control.runtime.transaction() as session:
                if where == "own":
                    session.add(RadReply(username="lost", **reply))
                else:
                    session.add(RadGroupReply(groupname="slow", **reply))
                    session.add(RadUserGroup(username="lost", groupname="slow", priority=9))
        minutes_pass(control, 30, ana)
        assert is_open(control, lost)
        minutes_pass(control, 5, ana)
        assert not is_open(control, lost)

    def test_many_sessions_are_closed_in_batches(self, control, ana, monkeypatch):
        monkeypatch.setattr(silent_sessions, "BATCH", 2)
        lost = [control.dial(control.service(f"lost-{number}")) for number in range(5)]
        report(control, *lost)
        minutes_pass(control, 20, ana)
        assert [is_open(control, live) for live in lost] == [False] * 5

    @ON_SQLITE
    def test_the_metric_counts_silent_sessions(self, control, lost):
        minutes_pass(control, 20)
        assert jobs.STALE._value.get() == 1
        ana = control.dial(control.service("ana"))
        minutes_pass(control, 20, ana)
        assert jobs.STALE._value.get() == 0


class TestOutages:
    @ON_SQLITE
    def test_an_outage_of_the_server_closes_nothing(self, control, lost, ana):
        minutes_pass(control, 10, lost, ana)
        minutes_pass(control, 60, looking=False)
        report(control, ana)
        look(control)
        assert is_open(control, lost)
        minutes_pass(control, 16, ana)
        assert is_open(control, lost), "three fresh intervals are not over"
        minutes_pass(control, 5, ana)
        assert not is_open(control, lost)

    @ON_SQLITE
    def test_an_outage_of_the_job_closes_nothing(self, control, lost, ana):
        minutes_pass(control, 10, lost, ana)
        for _ in range(12):
            minutes_pass(control, 5, ana, looking=False)
        look(control)
        assert is_open(control, lost)

    @ON_SQLITE
    def test_an_outage_of_the_listener_closes_nothing(self, control, lost, ana):
        minutes_pass(control, 20, lost, ana)
        minutes_pass(control, 30)
        assert is_open(control, lost) and is_open(control, ana)
        minutes_pass(control, 15, ana)
        assert is_open(control, lost)

    @ON_SQLITE
    def test_an_outage_of_ten_minutes_closes_nothing(self, control, lost, ana):
        """Two reports of each session are lost, and a third may be late."""
        minutes_pass(control, 20, lost, ana)
        minutes_pass(control, 10)
        minutes_pass(control, 8, ana)
        assert is_open(control, lost)

    @ON_SQLITE
    def test_a_clock_set_forward_closes_nothing(self, control, lost, ana):
        minutes_pass(control, 20, lost, ana)
        control.clock.advance(days=20)
        look(control)
        report(control, ana)
        minutes_pass(control, 10, ana)
        assert is_open(control, lost)
        minutes_pass(control, 10, lost, ana)
        assert is_open(control, lost)

    @ON_SQLITE
    def test_a_clock_set_back_closes_nothing(self, control, lost, ana):
        minutes_pass(control, 20, lost, ana)
        control.clock.advance(days=-20)
        minutes_pass(control, 30, ana)
        assert is_open(control, lost)

    def test_rows_of_removed_routers_are_deleted(self, control, ana):
        minutes_pass(control, 2, ana)
        control.stop(ana)
        look(control)
        with control.runtime.reading() as session:
            assert session.scalars(select(NasHearing)).all() == []


class TestRaces:
    def test_only_one_replica_checks(self, control, lost, ana):
        other = control.tested.another().runtime
        minutes_pass(control, 20, ana)
        control.amend(lost, acctstoptime=None, closed_on_evidence=None)
        jobs.close_silent_sessions(other, "two")
        other.database.close()
        assert is_open(control, lost)

    def test_a_session_that_reports_in_between_stays_open(self, control, lost):
        control.clock.advance(minutes=20)
        with control.runtime.reading() as session:
            batch, _ = silent_sessions.silent_sessions(session, 0, control.runtime.now())
        report(control, lost)
        with control.runtime.transaction() as session:
            assert silent_sessions.close(session, batch) == 0
        assert is_open(control, lost)

    @pytest.mark.parametrize("tested", ["postgresql"], indirect=True)  # SQLite has one writer
    def test_a_row_the_listener_is_writing_is_skipped(self, control, tested, lost):
        control.clock.advance(minutes=20)
        with control.runtime.reading() as session:
            batch, _ = silent_sessions.silent_sessions(session, 0, control.runtime.now())
        rival = tested.another()
        writing = update(RadAcct).where(RadAcct.acctsessionid == lost.acct_session_id)
        with control.runtime.transaction() as session:
            session.execute(writing.values(acctinputoctets=7))
            with rival.runtime.transaction() as other:
                assert silent_sessions.close(other, batch) == 0
        rival.runtime.database.close()


class TestAfterwards:
    def test_a_session_reopened_after_its_suspension_is_a_stray(self, control, lost, ana):
        service = control.service("juan")
        live = control.dial(service)
        report(control, live)
        minutes_pass(control, 20, ana)
        control.hold(service)
        control.follow()
        assert live.online and control.asked() == []

        control.amend(live, acctstoptime=None, closed_on_evidence=None, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 1
        control.follow()
        assert not live.online

    @ON_SQLITE
    def test_a_session_reopened_after_its_termination_is_a_stray(self, control, ana):
        service = control.service("juan")
        live = control.dial(service)
        report(control, live)
        minutes_pass(control, 20, ana)
        control.terminate(service)
        control.follow()
        control.amend(live, acctstoptime=None, closed_on_evidence=None, acctupdatetime=control.runtime.now())
        assert control.look_for_strays() == 1
        control.follow()
        assert not live.online
        control.stop(live)
        assert control.look_for_strays() == 0

    def test_a_closed_session_is_not_a_stray(self, control, ana):
        control.nas.faults.acknowledge_but_ignore = True
        service = control.service("juan")
        live = control.dial(service)
        report(control, live)
        control.hold(service)
        control.follow()
        minutes_pass(control, 20, ana)
        assert not is_open(control, live)
        assert control.look_for_strays() == 0
