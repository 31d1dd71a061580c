"""Finding sessions by text, router and service, in three orders, page by page."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from contracts.common import InvalidInput
from contracts.radius import SessionOrder, SessionQuery
from radius_svc.models import RadAcct
from sqlalchemy import event, insert, text

ORDERS = list(SessionOrder)


@pytest.fixture
def add(control):
    """Call it to add a closed session, perhaps with other columns; returns its id."""
    numbers = iter(range(1, 1_000_000))

    def add(username="juan", *, closed=True, **columns):
        number = next(numbers)
        row = {
            "acctsessionid": f"s{number}",
            "acctuniqueid": f"u{number}",
            "username": username,
            "nasipaddress": "127.0.0.1",
            "acctstarttime": control.runtime.now(),
            "acctstoptime": control.runtime.now() if closed else None,
        }
        with control.runtime.transaction() as session:
            session.add(added := RadAcct(**row | columns))
        return str(added.radacctid)

    return add


def found(control, **query):
    return [view.id for view in control.api.list_sessions(SessionQuery(**query), 200, None).items]


def page_by_page(control, limit=2, **query):
    ids, after = [], None
    while True:
        page = control.api.list_sessions(SessionQuery(**query), limit, after)
        ids += [view.id for view in page.items]
        after = page.next
        if after is None:
            return ids


def test_open_session_of_a_suspended_service_is_marked(control, add):
    service = control.service()
    add(service_id=service.id)
    add(service_id=service.id, closed=False)
    add(closed=False)

    def marked():
        return [view.suspended for view in control.api.list_sessions(SessionQuery(), 200, None).items]

    assert marked() == [False, False, False]
    control.hold(service)
    assert marked() == [False, True, False]
    (state,) = control.api.list_service_states([service.id])
    assert state.session.suspended


class TestText:
    @pytest.mark.parametrize("beginning", ["juan", "JUAN.d", "Juan.dela_cruz", " juan "])
    def test_usernames_are_found_by_their_start_in_any_case(self, control, add, beginning):
        juan = add("Juan.dela_cruz")
        add("pedro")
        add("the.juan")
        assert found(control, text=beginning) == [juan]

    def test_ip_addresses_are_found_by_their_start(self, control, add):
        near = add(framedipaddress="10.64.1.2")
        add(framedipaddress="10.64.21.2")
        add(framedipaddress=None)
        assert found(control, text="10.64.1.") == [near]
        assert found(control, text="10.64.1.2") == [near]
        assert len(found(control, text="10.64")) == 2

    def test_mac_addresses_are_found_in_any_case(self, control, add):
        hers = add(callingstationid="02:AB:CD:00:00:01")
        add(callingstationid="03:AB:CD:00:00:01")
        assert found(control, text="02:ab:cd") == found(control, text="02:AB:c") == [hers]

    def test_a_number_may_be_the_start_of_any_of_the_three(self, control, add):
        ids = [add("10.lastname"), add(framedipaddress="10.0.0.1"), add(callingstationid="10:00:00:00:00:01")]
        assert found(control, text="10", order=SessionOrder.OLDEST) == ids

    @pytest.mark.parametrize("signs", ["ju%", "ju_n", "\\", "'"])
    def test_wildcards_have_no_special_meaning(self, control, add, signs):
        add("juan")
        assert found(control, text=signs) == []

    @pytest.mark.parametrize("nothing", [None, "", "  ", "\0"])
    def test_unprintable_text_finds_everything(self, control, add, nothing):
        juan = add("juan")
        assert found(control, text=nothing) == [juan]

    def test_letters_beyond_ascii_are_found(self, control, add):
        jose = add("josé-ñandú")
        assert found(control, text="josé") == [jose]


class TestFilters:
    def test_open_sessions_only(self, control, add):
        add()
        live = add(closed=False)
        assert found(control, open_only=True) == [live]
        assert found(control, open_only=True, text="ju") == [live]

    def test_sessions_of_a_router_and_of_a_service(self, control, add):
        add(router_id="here", service_id="juan")
        there = add(router_id="there", service_id="juan")
        add(router_id="there", service_id="pedro")
        assert found(control, router_id="there", service_id="juan") == [there]


class TestOrder:
    @pytest.fixture
    def ids(self, add):
        """Ids in the order in which they were written: pedro, Ana, juan (live), ana (live), juan."""
        return [add("pedro"), add("Ana"), add("juan", closed=False), add("ana", closed=False), add("juan")]

    def test_sessions_are_listed_in_each_order(self, control, ids):
        pedro, ana, juan, ana_again, juan_again = ids
        assert found(control) == ids[::-1]
        assert found(control, order=SessionOrder.OLDEST) == ids
        assert found(control, order=SessionOrder.USERNAME) == [ana, ana_again, juan, juan_again, pedro]

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("query", [{}, {"open_only": True}, {"text": "a"}], ids=str)
    def test_pages_add_up_to_the_whole_list(self, control, ids, order, query):
        assert page_by_page(control, limit=1, order=order, **query) == found(control, order=order, **query)

    def test_a_new_session_does_not_shift_the_pages(self, control, add, ids):
        first = control.api.list_sessions(SessionQuery(), 2, None)
        add()
        second = control.api.list_sessions(SessionQuery(), 2, first.next)
        assert [view.id for view in (*first.items, *second.items)] == ids[:0:-1]

    def test_a_cursor_of_another_order_is_refused(self, control, ids):
        page = control.api.list_sessions(SessionQuery(order=SessionOrder.USERNAME), 1, None)
        with pytest.raises(InvalidInput):
            control.api.list_sessions(SessionQuery(), 1, page.next)


class TestManyClosedSessions:
    """Every query must use an index."""

    @pytest.fixture
    def plans(self, control):
        """Call it with a query; returns the plan for it, with 20,000 closed sessions."""
        now = control.runtime.now()
        rows = [
            {
                "acctsessionid": f"s{number}",
                "acctuniqueid": f"u{number}",
                "username": f"user{number % 1000}",
                "nasipaddress": "127.0.0.1",
                "framedipaddress": f"10.{number % 200}.{number % 250}.1",
                "callingstationid": f"02:00:00:00:{number % 90 + 10}:01",
                "acctstarttime": now - timedelta(minutes=number),
                "acctstoptime": now if number % 100 else None,
                "service_id": f"service{number % 1000}",
                "router_id": f"router{number % 20}",
            }
            for number in range(20_000)
        ]
        engine = control.runtime.database.engine
        with control.runtime.transaction() as session:
            session.execute(insert(RadAcct), rows)
        if not control.runtime.database.is_sqlite:  # PostgreSQL may not have done so yet
            with engine.connect() as connection:
                connection.execute(text("ANALYZE radacct"))
                connection.commit()
        said = []

        def note(_connection, _cursor, statement, parameters, _context, _many):
            said.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)

        def plan(**query) -> str:
            said.clear()
            assert control.api.list_sessions(SessionQuery(**query), 50, None).items
            explain = "EXPLAIN QUERY PLAN " if control.runtime.database.is_sqlite else "EXPLAIN "
            asked = [(statement, values) for statement, values in said if "FROM radacct" in statement]
            with engine.connect() as connection:
                return "\n".join(
                    str(row[-1])
                    for statement, values in asked
                    for row in connection.exec_driver_sql(explain + statement, values)
                )

        yield plan
        event.remove(engine, "before_cursor_execute", note)  # the engine stays for other tests

    def test_every_query_uses_an_index(self, plans):
        for query in (
            {"text": "user77"},
            {"text": "user77", "order": SessionOrder.USERNAME},
            {"text": "10.77.7"},
            {"text": "02:00:00:00:77"},
            {"text": "user9", "open_only": True},
            {"router_id": "router7"},
            {"service_id": "service7"},
        ):
            plan = plans(**query)
            assert "Seq Scan" not in plan, (query, plan)
            assert "SCAN radacct\n" not in plan, (query, plan)

    def test_the_first_page_is_read_without_sorting(self, plans):
        for order, open_only in itertools.product(ORDERS, (False, True)):
            plan = plans(order=order, open_only=open_only)
            assert "Seq Scan" not in plan, (order, plan)
            if order is not SessionOrder.USERNAME:  # the open ones are sorted
                assert "TEMP B-TREE" not in plan, (order, plan)
