"""Simultaneous-Use: one session too many is refused, and nobody who only dials again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from radius_svc.listener.authentication import session_watch
from radius_svc.listener.authentication.session_watch import SessionWatch
from radius_svc.listener.database import ListenerDatabase
from radius_svc.models import RadAcct, RadPostAuth
from servicekit.clock import SystemClock
from simulators.nas import Outcome
from sqlalchemy import select

from .conftest import wait_for

HOME, ELSEWHERE, THIRD = "02:00:00:00:00:0A", "02:00:00:00:00:0B", "02:00:00:00:00:0C"


@pytest.fixture
def nas(make_nas, radius_database):
    radius_database.limit("juan", 1)
    radius_database.wait_in_force()
    return make_nas(tries=3)


def dial(nas, mac):
    outcome = nas.mschap2("juan", "clientPass", mac=mac).outcome
    nas.wait_reported(30)
    return outcome


def dial_until(nas, mac, outcome):
    """Of a session elsewhere is known a second or two after its Start. Who comes before leaves no trace."""
    nas.faults.lose_accounting = True
    wait_for(lambda: True if dial(nas, mac) is outcome else None, what=f"{outcome} for {mac}")
    nas.faults.lose_accounting = False


def refusals(radius_database):
    with radius_database.database.reading() as session:
        return list(session.scalars(select(RadPostAuth.reason)))


def test_a_second_home_with_the_same_login_is_refused_and_the_reason_is_kept(radius_database, nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    radius_database.account("maria")
    radius_database.wait_in_force()
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)

    wait_for(lambda: refusals(radius_database) or None, what="the refusal to be recorded")
    assert set(refusals(radius_database)) == {"too_many_sessions"}
    assert nas.mschap2("maria", "clientPass", mac=ELSEWHERE).outcome is Outcome.ACCEPTED


def test_the_same_home_dials_again_after_a_lost_stop(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)

    assert [dial(nas, HOME) for _ in range(3)] == [Outcome.ACCEPTED] * 3


def test_after_the_stop_another_home_is_let_in_at_its_first_dial(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)
    nas.hang_up("juan")
    nas.wait_reported(30)

    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED


def test_after_a_power_cut_everybody_is_let_in_whatever_looks_open(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)
    nas.reboot()

    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED


def test_a_limit_of_two_lets_two_in(radius_database, make_nas):
    radius_database.limit("juan", 2)
    radius_database.wait_in_force()
    nas = make_nas(tries=3)
    assert dial(nas, HOME) is Outcome.ACCEPTED
    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED
    dial_until(nas, THIRD, Outcome.REJECTED)


def test_without_a_limit_nobody_is_counted(make_nas):
    nas = make_nas()
    assert [dial(nas, mac) for mac in (HOME, ELSEWHERE, THIRD)] == [Outcome.ACCEPTED] * 3


def test_a_listener_that_starts_knows_who_is_on_line(radius_database, start_listener, make_nas):
    radius_database.limit("juan", 1)
    radius_database.account("maria")
    first = start_listener()
    assert dial(make_nas(first), HOME) is Outcome.ACCEPTED
    first.stop()

    nas = make_nas(start_listener())
    nas.mschap2("maria", "clientPass", mac=THIRD)  # another simulated NAS begins to count its sessions anew
    assert dial(nas, ELSEWHERE) is Outcome.REJECTED


class TestWatch:
    """What is known of who is on line, by a database that others write at the same time."""

    @pytest.fixture
    def knows(self, radius_database_url, monkeypatch):
        """Whether a login is known to be on line, having looked."""
        monkeypatch.setattr(session_watch, "REFRESH_SECONDS", 0.0)
        database = ListenerDatabase(radius_database_url)
        watch = SessionWatch(database, SystemClock())

        def knows(username):
            watch.refresh_if_due()
            return watch.may_exceed(username, 1, None)

        yield knows
        database.close()

    @pytest.fixture
    def begin(self, radius_database):
        def begin(radacctid, username):
            with radius_database.database.transaction() as session:
                session.add(
                    RadAcct(
                        radacctid=radacctid,
                        acctuniqueid=f"session-{radacctid}",
                        acctsessionid=f"session-{radacctid}",
                        username=username,
                        callingstationid=HOME,
                        nasipaddress="127.0.0.1",
                        acctstarttime=datetime.now(UTC),
                    )
                )

        return begin

    def test_a_session_written_before_a_later_one_and_committed_after_it(self, begin, knows):
        begin(10, "maria")
        assert knows("maria")
        begin(9, "juan")
        assert knows("juan")

    def test_in_a_storm_only_some_are_read_again(self, begin, knows, monkeypatch):
        monkeypatch.setattr(session_watch, "_READ_AGAIN", 2)
        assert not knows("maria")
        for radacctid in (1_000, 2_000, 3_000, 4_000):
            begin(radacctid, "pedro")
        assert knows("pedro")
        begin(3_500, "juan")
        begin(2_500, "maria")
        assert knows("juan")
        assert not knows("maria")
