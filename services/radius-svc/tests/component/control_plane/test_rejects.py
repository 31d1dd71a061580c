"""Refused logins, found by username, MAC address and service."""

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
    """Call it to add a row of radpostauth; returns its id. Then a second passes."""

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


def test_reasons_of_the_listener_are_in_the_contract():
    assert {reason.value for reason in decision.RejectReason} <= set(RejectReason)


def test_a_reject_is_shown_with_all_fields(control, refuse):
    service, at = control.service(), control.runtime.now()
    refuse(repeats=7)
    (view,) = listed(control)
    assert (view.at, view.username, view.service_id) == (at, "juan", service.id)
    assert (view.calling_station_id, view.called_station_id) == (MAC, "pppoe-san-jose")
    assert (view.reason, view.repeats) == (RejectReason.WRONG_PASSWORD, 7)


@pytest.mark.parametrize("reason", [None, "", "of-a-later-version"])
def test_an_unknown_reason_is_left_out(control, refuse, reason):
    refuse("nobody", reason, callingstationid="", calledstationid=None)
    (view,) = listed(control)
    assert (view.reason, view.repeats, view.service_id) == (None, 1, None)
    assert (view.calling_station_id, view.called_station_id) == (None, None)


def test_logins_accepted_by_freeradius_are_not_listed(control, refuse):
    refuse(reply="Access-Accept", reason=None)
    refused = refuse(reason=None)
    assert found(control) == found(control, text="juan") == [refused]


def test_rejects_are_listed_by_time_not_by_id(control, refuse):
    first, second = refuse(), refuse()
    late = refuse(authdate=control.runtime.now() - timedelta(hours=1))
    same = [refuse(authdate=control.runtime.now() - timedelta(hours=2)) for _ in range(3)]
    assert found(control) == page_by_page(control) == [second, first, late, *same[::-1]]


def test_rejects_are_listed_since_a_time(control, refuse):
    refuse()
    now = control.runtime.now()
    new = refuse()
    assert found(control, since=now) == [new]


def test_an_invalid_cursor_is_refused(control):
    with pytest.raises(InvalidInput):
        control.api.list_rejects(RejectQuery(), 10, "12")


class TestText:
    @pytest.mark.parametrize("beginning", ["juan", "JUAN.d", " Juan.dela_cruz"])
    def test_logins_are_found_by_their_start_in_any_case(self, control, refuse, beginning):
        mistyped = refuse("Juan.dela_cruz", "unknown_user")
        refuse("pedro")
        refuse("the.juan")
        assert found(control, text=beginning) == [mistyped]

    def test_mac_addresses_are_found_in_any_case(self, control, refuse):
        hers = refuse()
        refuse(callingstationid="03:AB:CD:00:00:01")
        assert found(control, text="02:ab:cd") == found(control, text="02:AB:c") == [hers]

    def test_a_number_may_be_the_start_of_either(self, control, refuse):
        ids = [refuse("02.lastname", callingstationid=None), refuse()]
        assert found(control, text="02") == ids[::-1]

    @pytest.mark.parametrize("signs", ["ju%", "ju_n", "\\", "'"])
    def test_wildcards_have_no_special_meaning(self, control, refuse, signs):
        refuse()
        assert found(control, text=signs) == []

    @pytest.mark.parametrize("nothing", ["", "  ", "\x00", None])
    def test_an_empty_text_finds_everything(self, control, refuse, nothing):
        juan = refuse()
        assert found(control, text=nothing) == [juan]

    @pytest.mark.parametrize("few", [0, 1_000])
    def test_pages_work_for_few_and_many_matches(self, control, refuse, monkeypatch, few):
        monkeypatch.setattr(rejects, "FEW_REJECTS", few)
        ids = [refuse(f"juan{number}") for number in range(5)]
        refuse("pedro")
        assert page_by_page(control, text="juan") == ids[::-1]


class TestOfAService:
    def test_its_username_must_match_exactly(self, control, refuse):
        service = control.service()
        its = refuse()
        refuse("Juan", callingstationid=None)
        refuse("juana")
        assert found(control, service_id=service.id) == [its]
        assert found(control, service_id="none") == []

    def test_unknown_usernames_of_its_device_are_listed(self, control, refuse):
        service, other = control.service(), control.service("pedro")
        control.stop(control.dial(service))
        control.amend(control.dial(service), callingstationid=MAC)
        control.amend(control.dial(other), callingstationid="02:AB:CD:00:00:02")
        mistyped = refuse("juan.", "unknown_user", callingstationid=MAC.lower())
        refuse("pedro")  # a device that moved to another subscriber
        assert found(control, service_id=service.id) == [mistyped]

    def test_its_device_is_the_one_it_was_last_online_with(self, control, refuse):
        service = control.service()
        control.amend(control.dial(service), callingstationid=MAC)
        control.amend(control.dial(service), callingstationid="02:AB:CD:00:00:02")
        refuse("nobody", "unknown_user")
        assert found(control, service_id=service.id) == []

    def test_only_rejects_since_it_was_last_online_are_listed(self, control, refuse):
        service = control.service()
        new = refuse()
        assert found(control, service_id=service.id, since_on_line=True) == [new]
        live = control.dial(service)
        assert found(control, service_id=service.id, since_on_line=True) == []
        second = refuse(reason="too_many_sessions")
        control.stop(live)
        assert found(control, service_id=service.id, since_on_line=True) == [second]
        assert found(control, service_id=service.id) == [second, new]

    def test_service_and_text_can_be_combined(self, control, refuse):
        service = control.service()
        control.amend(control.dial(service), callingstationid=MAC)
        refuse()
        mistyped = refuse("pedro", "unknown_user")
        assert found(control, service_id=service.id, text="ped") == [mistyped]

    def test_a_reject_belongs_to_the_current_owner_of_the_name(self, control, refuse):
        control.terminate(control.service())
        refuse()
        assert listed(control)[0].service_id is None
        later = control.service()
        assert listed(control)[0].service_id == later.id


def test_every_search_uses_an_index(control, refuse):
    """With enough rows that reading all of them would show in the plan."""
    service = control.service()
    control.amend(control.dial(service), callingstationid=MAC)
    row = {"pass": "", "reply": "Access-Reject", "authdate": control.runtime.now()}
    rows = [
        row | {"username": f"user{number}", "callingstationid": f"03:{number:06}"} for number in range(5_000)
    ]
    with control.runtime.transaction() as session:
        session.execute(insert(RadPostAuth.__table__), rows)
    refuse()
    if not control.runtime.database.is_sqlite:  # PostgreSQL may not have done so yet
        with control.runtime.transaction() as session:
            session.execute(text("ANALYZE radpostauth"))
    assert "TEMP B-TREE" not in "\n".join(plans_of(control))
    for query in ({}, {"text": "juan"}, {"text": "02:"}, {"service_id": service.id}):
        for plan in plans_of(control, **query):
            assert "Seq Scan on radpostauth" not in plan, (query, plan)
            assert "SCAN radpostauth" not in plan.replace("SCAN radpostauth USING", ""), (query, plan)


def plans_of(control, **query):
    """The plan of each statement on radpostauth."""
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
