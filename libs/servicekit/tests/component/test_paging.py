"""Pages list everything once, in the requested order. Malformed cursors are refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from contracts.common import InvalidInput, Page
from servicekit.paging import Order, page_of
from servicekit.tables import Lease, OutboxMessage
from sqlalchemy import select

START = datetime(2026, 11, 23, tzinfo=UTC)
BY_HOLDER = Order(Lease.holder)


@pytest.fixture
def names(database):
    """The names of leases held by "x", "y", "x", ... that expire one after another."""
    names = [f"{number:03}" for number in range(7)]
    with database.transaction() as session:
        session.add_all(
            Lease(name=name, holder="xy"[number % 2], expires_at=START + timedelta(seconds=number))
            for number, name in enumerate(names)
        )
    return names


@pytest.fixture
def pages(database):
    """Call it with an order for the names on all pages, two per page."""

    def walk(order):
        seen, after, first = [], None, True
        with database.reading() as session:
            while first or after is not None:
                page = page_of(session, select(Lease), Lease.name, name_of, limit=2, after=after, order=order)
                assert len(page.items) == 2 or page.next is None
                seen, after, first = seen + page.items, page.next, False
        return seen

    return walk


def name_of(lease):
    return lease.name


def test_pages_list_everything_once_newest_first(database, names):
    seen, after = [], None
    with database.reading() as session:
        for size in (3, 3, 1):
            page = page_of(session, select(Lease), Lease.name, name_of, limit=3, after=after)
            assert len(page.items) == size
            seen += page.items
            after = page.next
        assert (seen, after) == (names[::-1], None)

        whole = page_of(session, select(Lease), Lease.name, name_of, limit=10**9, after=None)
        assert whole == Page(names[::-1], None)
        least = page_of(session, select(Lease), Lease.name, name_of, limit=0, after=None)
        assert least == Page(["006"], "006")


def test_pages_list_everything_once_in_an_order(pages, names):
    x, y = names[::2], names[1::2]
    assert pages(BY_HOLDER) == x + y
    assert pages(Order(Lease.holder, descending=True)) == y[::-1] + x[::-1]
    assert pages(Order(Lease.expires_at)) == names
    assert pages(Order(Lease.expires_at, descending=True)) == names[::-1]
    assert pages(Order(Lease.name)) == names


def test_row_added_between_pages_does_not_shift_them(database, names):
    with database.reading() as session:
        first = page_of(session, select(Lease), Lease.name, name_of, limit=3, after=None, order=BY_HOLDER)
    with database.transaction() as session:
        session.add(Lease(name="0000", holder="x", expires_at=START))
    with database.reading() as session:
        rest = page_of(
            session, select(Lease), Lease.name, name_of, limit=9, after=first.next, order=BY_HOLDER
        )
    assert first.items + rest.items == [*names[::2], *names[1::2]]


def test_cursor_is_safe_in_a_url(database):
    with database.transaction() as session:
        session.add_all(Lease(name=name, holder='ñ?&"~', expires_at=START) for name in "ab")
    with database.reading() as session:
        page = page_of(session, select(Lease), Lease.name, name_of, limit=1, after=None, order=BY_HOLDER)
        assert page.next.replace("-", "").replace("_", "").isalnum()
        assert page_of(
            session, select(Lease), Lease.name, name_of, limit=1, after=page.next, order=BY_HOLDER
        ) == Page(["b"])


def packed(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "after",
    ["nonsense", "", "5", "ñ", "\ud83d", "a\0", packed("[1]"), packed('[1,"a"]'), packed('["\\u0000","a"]')],
)
def test_malformed_cursor_is_refused(database, after):
    with database.reading() as session, pytest.raises(InvalidInput) as refused:
        page_of(session, select(Lease), Lease.name, name_of, limit=1, after=after, order=BY_HOLDER)
    assert [wrong.field for wrong in refused.value.errors] == ["after"]


def test_cursor_of_another_order_is_refused(database, names):
    with database.reading() as session:
        page = page_of(session, select(Lease), Lease.name, name_of, limit=1, after=None, order=BY_HOLDER)
        by_time = Order(Lease.expires_at)
        for after in (page.next, packed('["2026-11-23T00:00:00","000"]')):
            with pytest.raises(InvalidInput, match="not a cursor of this list"):
                page_of(session, select(Lease), Lease.name, name_of, limit=1, after=after, order=by_time)


def test_cursor_that_postgresql_would_refuse_is_refused(database):
    with database.reading() as session, pytest.raises(InvalidInput, match="not a cursor of this list"):
        page_of(session, select(Lease), Lease.name, name_of, limit=1, after="a\0")


@pytest.fixture
def numbered(database):
    """Three messages with the numbers 1, 2, 3."""
    with database.transaction() as session:
        for number in (1, 2, 3):
            session.add(message(number))


def message(number):
    texts = {"id": f"m-{number}", "type": "t", "subject": "s", "correlation_id": "c", "data": "{}"}
    return OutboxMessage(seq=number, occurred_at=START, **texts)


def page_of_numbers(session, after):
    return page_of(
        session, select(OutboxMessage), OutboxMessage.seq, lambda row: row.seq, limit=2, after=after
    )


def test_cursor_of_a_list_by_number_is_the_number(database, numbered):
    with database.reading() as session:
        assert page_of_numbers(session, None) == Page([3, 2], "2")
        assert page_of_numbers(session, "2") == Page([1], None)
        assert page_of_numbers(session, str(2**63 - 1)) == Page([3, 2], "2")


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "²", " 1", "1" * 20, str(2**63)])
def test_cursor_that_cannot_be_a_number_is_refused(database, after):
    with database.reading() as session, pytest.raises(InvalidInput, match="not a cursor of this list"):
        page_of_numbers(session, after)
