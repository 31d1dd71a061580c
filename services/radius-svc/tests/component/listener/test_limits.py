"""Simultaneous-Use: a session over the limit is refused, but not a home that only dials again."""

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

from .conftest import ON_BOTH, wait_for

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
    """Dial until the outcome is this: a session elsewhere is known a second or two after its Start."""
    nas.faults.lose_accounting = True
    wait_for(lambda: True if dial(nas, mac) is outcome else None, what=f"{outcome} for {mac}", every=0.1)
    nas.faults.lose_accounting = False


def refusals(radius_database):
    with radius_database.database.reading() as session:
        return list(session.scalars(select(RadPostAuth.reason)))


@ON_BOTH
def test_a_second_home_with_the_same_login_is_refused(radius_database, nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    radius_database.account("maria")
    radius_database.wait_in_force()
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)

    wait_for(lambda: refusals(radius_database) or None, what="the refusal to be recorded")
    assert set(refusals(radius_database)) == {"too_many_sessions"}
    assert nas.mschap2("maria", "clientPass", mac=ELSEWHERE).outcome is Outcome.ACCEPTED


def test_the_same_home_can_dial_again_after_a_lost_stop(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)

    assert [dial(nas, HOME) for _ in range(3)] == [Outcome.ACCEPTED] * 3


def test_after_a_stop_another_home_is_let_in_at_once(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)
    nas.hang_up("juan")
    nas.wait_reported(30)

    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED


def test_after_a_power_cut_everyone_is_let_in(nas):
    assert dial(nas, HOME) is Outcome.ACCEPTED
    dial_until(nas, ELSEWHERE, Outcome.REJECTED)
    nas.reboot()

    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED


def test_a_limit_of_two_allows_two_sessions(radius_database, make_nas):
    radius_database.limit("juan", 2)
    radius_database.wait_in_force()
    nas = make_nas(tries=3)
    assert dial(nas, HOME) is Outcome.ACCEPTED
    assert dial(nas, ELSEWHERE) is Outcome.ACCEPTED
    dial_until(nas, THIRD, Outcome.REJECTED)


def test_without_a_limit_any_number_of_sessions_is_allowed(make_nas):
    nas = make_nas()
    assert [dial(nas, mac) for mac in (HOME, ELSEWHERE, THIRD)] == [Outcome.ACCEPTED] * 3


@ON_BOTH
def test_a_new_listener_knows_the_online_sessions(radius_database, start_listener, make_nas):
    radius_database.limit("juan", 1)
    radius_database.account("maria")
    first = start_listener()
    assert dial(make_nas(first), HOME) is Outcome.ACCEPTED
    first.stop()

    nas = make_nas(start_listener())
    nas.mschap2("maria", "clientPass", mac=THIRD)  # another simulated NAS restarts its session counter
    assert dial(nas, ELSEWHERE) is Outcome.REJECTED


@ON_BOTH
class TestWatch:
    """The hint about online sessions, while other processes write into the database."""

    @pytest.fixture
    def knows(self, radius_database_url, monkeypatch):
        """Whether a login is known to be online, after reading the database."""
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

    def test_a_session_committed_after_a_later_one_is_not_missed(self, begin, knows):
        begin(10, "maria")
        assert knows("maria")
        begin(9, "juan")
        assert knows("juan")

    def test_after_thousands_of_starts_only_some_are_read_again(self, begin, knows, monkeypatch):
        monkeypatch.setattr(session_watch, "_READ_AGAIN", 2)
        assert not knows("maria")
        for radacctid in (1_000, 2_000, 3_000, 4_000):
            begin(radacctid, "pedro")
        assert knows("pedro")
        begin(3_500, "juan")
        begin(2_500, "maria")
        assert knows("juan")
        assert not knows("maria")
