"""Daily usage: nothing is counted twice, and nothing is left out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from contracts.radius import UsageDay
from radius_svc import jobs
from radius_svc.models import RadAcct, UsageMark
from radius_svc.queries.usage import list_usage
from radius_svc.usecases import usage
from servicekit.clock import FrozenClock
from servicekit.migrations import migrate
from servicekit.runtime import Runtime
from sqlalchemy import func, insert, select, update
from testkit.component import START, database_of_revision, make_settings

TODAY = date(2026, 11, 23)


def count(control, holder="one"):
    jobs.count_usage(control.runtime, holder)


def used(control, service, days=1):
    """Download and upload, the oldest day first."""
    found = control.api.list_usage(service.id, days)
    return [(day.download_octets, day.upload_octets) for day in found]


def marks(control):
    with control.runtime.reading() as session:
        return session.scalar(select(func.count()).select_from(UsageMark))


def report(control, live, download, upload=0, **columns):
    """Set the counters of the NAS; its output is the subscriber's download."""
    columns = {"acctupdatetime": control.runtime.now(), **columns}
    control.amend(live, acctoutputoctets=download, acctinputoctets=upload, **columns)


class TestCounting:
    def test_growth_is_added_to_the_day(self, control):
        live = control.dial(service := control.service())
        for download, upload in ((100, 10), (100, 10), (250, 30)):
            report(control, live, download, upload)
            count(control)
            count(control)
            assert used(control, service) == [(download, upload)]

    def test_a_session_between_two_passes_is_counted(self, control):
        count(control)
        live = control.dial(service := control.service())
        report(control, live, 700)
        control.stop(live)
        count(control)
        assert used(control, service) == [(700, 0)]

    def test_a_stop_counts_once_even_after_its_mark_is_deleted(self, control):
        live = control.dial(service := control.service())
        report(control, live, 100)
        count(control)
        report(control, live, 150)
        control.stop(live)
        for _ in range(4):
            count(control)
        assert used(control, service) == [(150, 0)]
        assert marks(control) == 0

    def test_a_counter_that_went_down_is_counted_from_zero(self, control):
        live = control.dial(service := control.service())
        for octets in (500, 40, 60):
            report(control, live, octets)
            count(control)
        assert used(control, service) == [(560, 0)]

    def test_sessions_are_summed_per_service(self, control):
        juan, ana = control.service(), control.service("ana")
        for service, octets in ((juan, 1), (juan, 2), (ana, 4)):
            report(control, control.dial(service), octets)
        count(control)
        assert used(control, juan) == [(3, 0)]
        assert used(control, ana) == [(4, 0)]

    def test_rows_of_freeradius_are_counted_by_username(self, control):
        service = control.service()
        live = control.dial(service, service_id=None, received_at=None, router_id=None)
        stranger = control.dial(control.snapshot("nobody"), service_id=None)
        report(control, live, 300)
        report(control, stranger, 300)
        control.amend(live, acctstoptime=control.runtime.now(), acctupdatetime=None)
        count(control)
        assert used(control, service) == [(300, 0)]

    def test_a_late_stop_of_a_closed_session_is_counted(self, control):
        live = control.dial(service := control.service())
        report(control, live, 100)
        control.amend(live, acctstoptime=control.runtime.now(), closed_on_evidence="newer-start")
        for _ in range(3):
            count(control)
        report(control, live, 180, closed_on_evidence=None)
        for _ in range(3):
            count(control)
        assert used(control, service) == [(180, 0)]

    def test_a_reopened_session_is_not_counted_twice(self, control):
        live = control.dial(service := control.service())
        report(control, live, 100)
        control.amend(live, acctstoptime=control.runtime.now(), closed_on_evidence="boot-digit")
        count(control)
        control.clock.advance(days=3)
        for _ in range(4):
            count(control)
        assert marks(control) == 0
        report(control, live, 500, acctstoptime=None, closed_on_evidence=None)
        count(control)
        assert used(control, service, days=4)[0] == (100, 0)
        assert used(control, service) == [(0, 0)]

    def test_absurd_counters_do_not_affect_other_sessions(self, control):
        for number in range(3):
            report(control, control.dial(control.service(f"liar-{number}")), (1 << 63) - 1)
        report(control, control.dial(service := control.service()), 5)
        count(control)
        assert used(control, service) == [(5, 0)]

    def test_more_sessions_than_one_batch_are_counted(self, control, monkeypatch):
        monkeypatch.setattr(usage, "BATCH", 2)
        service = control.service()
        sessions = [control.dial(service) for _ in range(5)]
        for octets in (10, 30):
            for live in sessions:
                report(control, live, octets)
            count(control)
        for live in sessions:
            control.stop(live)
        for _ in range(3):
            count(control)
        assert used(control, service) == [(150, 0)]
        assert marks(control) == 0

    def test_a_session_committed_after_a_newer_one_is_counted(self, control):
        """PostgreSQL numbers rows before they are committed."""
        service = control.service()
        control.dial(service, radacctid=11)
        count(control)
        late = control.dial(service, radacctid=10)
        report(control, late, 70)
        control.stop(late)
        count(control)
        assert used(control, service) == [(70, 0)]


class TestDays:
    def test_an_interim_belongs_to_its_day_in_the_zone_of_the_isp(self, control):
        live = control.dial(service := control.service())  # ten in the morning
        report(control, live, 100)
        count(control)
        control.clock.advance(hours=13, minutes=50)
        report(control, live, 300)
        control.clock.advance(minutes=5)
        report_at = control.runtime.now()
        control.clock.advance(minutes=10)  # past midnight
        count(control)
        assert control.runtime.today() == TODAY + timedelta(days=1)
        assert used(control, service, days=2) == [(300, 0), (0, 0)]
        assert report_at < control.runtime.now()
        report(control, live, 350)
        count(control)
        assert used(control, service, days=2) == [(300, 0), (50, 0)]

    def test_every_day_is_listed_and_today_is_last(self, control):
        report(control, control.dial(service := control.service()), 9, 3)
        count(control)
        assert control.api.list_usage(service.id, 3) == [
            UsageDay(TODAY - timedelta(days=2), 0, 0),
            UsageDay(TODAY - timedelta(days=1), 0, 0),
            UsageDay(TODAY, 9, 3),
        ]

    @pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (366, 366), (100_000, 366)])
    def test_one_day_to_one_year_can_be_listed(self, control, asked, given):
        assert len(control.api.list_usage("nobody", asked)) == given


class TestReplicas:
    def test_only_one_of_two_replicas_counts(self, control):
        other = control.tested.another().runtime
        report(control, control.dial(service := control.service()), 100)
        jobs.count_usage(control.runtime, "one")
        control.dial(service)
        jobs.count_usage(other, "two")
        other.database.close()
        assert marks(control) == 1
        assert used(control, service) == [(100, 0)]

    def test_killed_after_a_batch_nothing_is_lost_or_counted_twice(self, control, monkeypatch):
        monkeypatch.setattr(usage, "BATCH", 1)
        service = control.service()
        for _ in range(3):
            report(control, control.dial(service), 10)

        def killed(*_arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(jobs.time, "sleep", killed)
            with pytest.raises(KeyboardInterrupt):
                count(control)
        assert used(control, service) == [(10, 0)]
        count(control)
        assert used(control, service) == [(30, 0)]

    def test_a_failed_batch_moves_no_mark(self, control, monkeypatch):
        report(control, control.dial(service := control.service()), 10)

        def fails(*_arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(usage, "_move_marks", fails)
            with pytest.raises(KeyboardInterrupt):
                count(control)
        assert used(control, service) == [(0, 0)]
        count(control)
        assert used(control, service) == [(10, 0)]


database_of_0002 = database_of_revision("radius_svc", "0002")


def test_usage_from_before_the_migration_is_not_counted(database_of_0002, tmp_path):
    """A session of several weeks must not count as usage of the day of the upgrade."""
    runtime = Runtime(make_settings("radius", database_of_0002.url, tmp_path), FrozenClock(START))
    before = {"acctsessionid": "s", "username": "juan", "nasipaddress": "127.0.0.1", "service_id": "juan"}
    rows = [
        {**before, "acctuniqueid": "open", "acctoutputoctets": 900, "acctstoptime": None},
        {**before, "acctuniqueid": "closed", "acctoutputoctets": 5_000, "acctstoptime": START},
    ]
    with runtime.transaction() as session:
        session.execute(insert(RadAcct), rows)
    migrate(runtime.database, "radius_svc")
    jobs.count_usage(runtime, "one")
    with runtime.transaction() as session:
        open_one = update(RadAcct).where(RadAcct.acctuniqueid == "open")
        session.execute(open_one.values(acctoutputoctets=1_000, acctupdatetime=START))
    jobs.count_usage(runtime, "one")
    with runtime.reading() as session:
        assert list_usage(session, "juan", 1, today=TODAY) == [UsageDay(TODAY, 100, 0)]
    runtime.database.close()


def test_counting_usage_does_not_change_sessions(control):
    live = control.dial(control.service())
    report(control, live, 10)
    query = select(RadAcct.__table__)
    with control.runtime.reading() as session:
        before = session.execute(query).all()
    count(control)
    with control.runtime.reading() as session:
        assert session.execute(query).all() == before
