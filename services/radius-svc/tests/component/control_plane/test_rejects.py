"""Refused logins: who was not let in and why, found by login, MAC address and service."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.common import InvalidInput
from contracts.radius import RejectQuery, RejectReason
from radius_svc.listener.authentication import decision
from radius_svc.models import RadPostAuth
from radius_svc.queries import rejects
from sqlalchemy import event, insert, text

MAC = "02:AB:CD:00:00:01"


@pytest.fixture
def refuse(control):
    """Call it for a row of radpostauth; a later second begins. Returns its id."""

    def refuse(username="juan", reason="wrong_password", **columns):
        row = {
            "username": username,
            "pass_": "",
            "reply": "Access-Reject",
            "callingstationid": MAC,
            "calledstationid": "pppoe-san-jose",
            "authdate": control.runtime.now(),
            "reason": reason,
        }
        with control.runtime.transaction() as session:
            session.add(added := RadPostAuth(**row | columns))
        control.clock.advance(seconds=1)
        return str(added.id)

    return refuse


def listed(control, **query):
    return control.api.list_rejects(RejectQuery(**query), 200, None).items


def found(control, **query):
    return [view.id for view in listed(control, **query)]


def page_by_page(control, limit=2, **query):
    ids, after = [], None
    while True:
        page = control.api.list_rejects(RejectQuery(**query), limit, after)
        ids += [view.id for view in page.items]
        after = page.next
        if after is None:
            return ids


def test_what_the_listener_says_has_a_word_in_the_contract():
    assert {reason.value for reason in decision.RejectReason} <= set(RejectReason)


def test_a_reject_as_it_was_written(control, refuse):
    service, at = control.service(), control.runtime.now()
    refuse(repeats=7)
    (view,) = listed(control)
    assert (view.at, view.username, view.service_id) == (at, "juan", service.id)
    assert (view.calling_station_id, view.called_station_id) == (MAC, "pppoe-san-jose")
    assert (view.reason, view.repeats) == (RejectReason.WRONG_PASSWORD, 7)


@pytest.mark.parametrize("reason", [None, "", "of-a-later-version"])
def test_a_row_that_says_no_reason_we_know(control, refuse, reason):
    refuse("nobody", reason, callingstationid="", calledstationid=None)
    (view,) = listed(control)
    assert (view.reason, view.repeats, view.service_id) == (None, 1, None)
    assert (view.calling_station_id, view.called_station_id) == (None, None)


def test_logins_that_freeradius_accepted_are_not_refused_ones(control, refuse):
    refuse(reply="Access-Accept", reason=None)
    refused = refuse(reason=None)
    assert found(control) == found(control, text="juan") == [refused]


def test_the_newest_first_also_where_rows_were_written_late(control, refuse):
    first, second = refuse(), refuse()
    late = refuse(authdate=control.runtime.now() - timedelta(hours=1))
    same = [refuse(authdate=control.runtime.now() - timedelta(hours=2)) for _ in range(3)]
    assert found(control) == page_by_page(control) == [second, first, late, *same[::-1]]


def test_since(control, refuse):
    refuse()
    now = control.runtime.now()
    new = refuse()
    assert found(control, since=now) == [new]


def test_no_cursor(control):
    with pytest.raises(InvalidInput):
        control.api.list_rejects(RejectQuery(), 10, "12")


class TestText:
    @pytest.mark.parametrize("beginning", ["juan", "JUAN.d", " Juan.dela_cruz"])
    def test_the_beginning_of_a_login_in_any_case(self, control, refuse, beginning):
        mistyped = refuse("Juan.dela_cruz", "unknown_user")
        refuse("pedro")
        refuse("the.juan")
        assert found(control, text=beginning) == [mistyped]

    def test_a_mac_address_in_any_case(self, control, refuse):
        hers = refuse()
        refuse(callingstationid="03:AB:CD:00:00:01")
        assert found(control, text="02:ab:cd") == found(control, text="02:AB:c") == [hers]

    def test_a_number_may_begin_either(self, control, refuse):
        ids = [refuse("02.lastname", callingstationid=None), refuse()]
        assert found(control, text="02") == ids[::-1]

    @pytest.mark.parametrize("signs", ["ju%", "ju_n", "\\", "'"])
    def test_signs_mean_themselves(self, control, refuse, signs):
        refuse()
        assert found(control, text=signs) == []

    @pytest.mark.parametrize("nothing", ["", "  ", "\x00", None])
    def test_nothing_asked_for(self, control, refuse, nothing):
        juan = refuse()
        assert found(control, text=nothing) == [juan]

    @pytest.mark.parametrize("few", [0, 1_000])
    def test_page_by_page_whether_few_or_many_match(self, control, refuse, monkeypatch, few):
        monkeypatch.setattr(rejects, "FEW_REJECTS", few)
        ids = [refuse(f"juan{number}") for number in range(5)]
        refuse("pedro")
        assert page_by_page(control, text="juan") == ids[::-1]


class TestOfAService:
    def test_its_login_letter_for_letter(self, control, refuse):
        service = control.service()
        its = refuse()
        refuse("Juan", callingstationid=None)
        refuse("juana")
        assert found(control, service_id=service.id) == [its]
        assert found(control, service_id="none") == []

    def test_what_its_device_gives_as_a_login_that_nobody_has(self, control, refuse):
        service, other = control.service(), control.service("pedro")
        control.stop(control.dial(service))
        control.amend(control.dial(service), callingstationid=MAC)
        control.amend(control.dial(other), callingstationid="02:AB:CD:00:00:02")
        mistyped = refuse("juan.", "unknown_user", callingstationid=MAC.lower())
        refuse("pedro")  # a device that moved to where somebody else lives
        assert found(control, service_id=service.id) == [mistyped]

    def test_its_device_is_the_one_it_was_last_on_line_with(self, control, refuse):
        service = control.service()
        control.amend(control.dial(service), callingstationid=MAC)
        control.amend(control.dial(service), callingstationid="02:AB:CD:00:00:02")
        refuse("nobody", "unknown_user")
        assert found(control, service_id=service.id) == []

    def test_what_it_has_not_got_over_yet(self, control, refuse):
        service = control.service()
        new = refuse()
        assert found(control, service_id=service.id, since_on_line=True) == [new]
        live = control.dial(service)
        assert found(control, service_id=service.id, since_on_line=True) == []
        second = refuse(reason="too_many_sessions")
        control.stop(live)
        assert found(control, service_id=service.id, since_on_line=True) == [second]
        assert found(control, service_id=service.id) == [second, new]

    def test_a_login_of_its_own_and_only_those_that_begin_so(self, control, refuse):
        service = control.service()
        control.amend(control.dial(service), callingstationid=MAC)
        refuse()
        mistyped = refuse("pedro", "unknown_user")
        assert found(control, service_id=service.id, text="ped") == [mistyped]

    def test_of_a_name_that_was_given_on_it_is_who_has_it_now(self, control, refuse):
        control.terminate(control.service())
        refuse()
        assert listed(control)[0].service_id is None
        later = control.service()
        assert listed(control)[0].service_id == later.id


def test_each_search_walks_an_index(control, refuse):
    """With so many rows that going through all of them would be seen."""
    service = control.service()
    control.amend(control.dial(service), callingstationid=MAC)
    row = {"pass": "", "reply": "Access-Reject", "authdate": control.runtime.now()}
    rows = [
        row | {"username": f"user{number}", "callingstationid": f"03:{number:06}"} for number in range(5_000)
    ]
    with control.runtime.transaction() as session:
        session.execute(insert(RadPostAuth.__table__), rows)
    refuse()
    if not control.runtime.database.is_sqlite:  # there nobody does it
        with control.runtime.transaction() as session:
            session.execute(text("ANALYZE radpostauth"))
    assert "TEMP B-TREE" not in "\n".join(plans_of(control))
    for query in ({}, {"text": "juan"}, {"text": "02:"}, {"service_id": service.id}):
        for plan in plans_of(control, **query):
            assert "Seq Scan on radpostauth" not in plan, (query, plan)
            assert "SCAN radpostauth" not in plan.replace("SCAN radpostauth USING", ""), (query, plan)


def plans_of(control, **query):
    """How the database goes about each statement on radpostauth."""
    engine, plans = control.runtime.database.engine, []
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "

    def note(connection, _cursor, statement, parameters, _context, _many):
        if "FROM radpostauth" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(explain + statement, parameters).all()
            plans.append("\n".join(str(row) for row in rows))

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert len(control.api.list_rejects(RejectQuery(**query), 25, None).items) > 0
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert plans
    return plans
