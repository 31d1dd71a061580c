"""Rows by their key, and long work in short transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import eventlet
import pytest
from contracts.common import NotFound
from servicekit import leases, loading
from servicekit.batches import in_batches
from servicekit.db import rows_changed
from servicekit.tables import InboxMessage, Lease
from sqlalchemy import delete, select, update

MINUTE = timedelta(minutes=1)
SOME_DAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def seven_rows(database):
    with database.transaction() as session:
        session.add_all(Lease(name=f"row-{n}", holder="nobody", expires_at=SOME_DAY) for n in range(7))


def delete_rows(session, limit=3):
    some = select(Lease.name).where(Lease.name.like("row-%")).limit(limit)
    return rows_changed(session, delete(Lease).where(Lease.name.in_(some)))


def rows_left(database):
    with database.reading() as session:
        return len(session.scalars(select(Lease.name).where(Lease.name.like("row-%"))).all())


def test_batches_repeat_until_one_is_not_full(database, seven_rows):
    transactions = []

    def transaction():
        transactions.append(1)
        return database.transaction()

    assert in_batches(transaction, delete_rows, size=3) == 7
    assert (len(transactions), rows_left(database)) == (3, 0)


def test_batches_stop_at_the_maximum(database, seven_rows):
    assert in_batches(database.transaction, delete_rows, size=3, max_batches=2) == 6
    assert rows_left(database) == 1


def test_batches_before_a_failing_one_stay_committed(database, seven_rows):
    def fail_at_last(session):
        deleted = delete_rows(session)
        if deleted < 3:
            raise RuntimeError("broken")
        return deleted

    with pytest.raises(RuntimeError):
        in_batches(database.transaction, fail_at_last, size=3)
    assert rows_left(database) == 1


def test_other_greenthreads_run_between_batches(database, seven_rows):
    turns = []
    eventlet.spawn_n(turns.append, "another greenthread ran")

    in_batches(database.transaction, delete_rows, size=3, max_batches=1)

    assert turns


def test_batches_end_when_another_process_takes_the_lease(database, seven_rows):
    def delete_and_expire(session):
        deleted = delete_rows(session)
        session.execute(update(Lease).where(Lease.name == "job").values(holder="b"))
        return deleted

    held = partial(leases.holding, database, "job", "a", MINUTE)
    with pytest.raises(leases.LeaseTaken, match="'job'"):
        in_batches(held, delete_and_expire, size=3)
    assert rows_left(database) == 4


def test_work_under_a_lease_is_rolled_back_with_it(database):
    with pytest.raises(RuntimeError), leases.holding(database, "job", "a", MINUTE):
        raise RuntimeError("broken")

    with leases.holding(database, "job", "b", MINUTE):
        pass
    with pytest.raises(leases.LeaseTaken), leases.holding(database, "job", "a", MINUTE):
        pytest.fail("the lease is taken")


@pytest.mark.parametrize("load", [loading.get, loading.lock])
def test_row_is_found_by_its_key_or_not_found(database, seven_rows, load):
    with database.transaction() as session:
        assert load(session, Lease, "row-3").holder == "nobody"
        with pytest.raises(NotFound, match=r"^there is no lease row-9$"):
            load(session, Lease, "row-9")
        with pytest.raises(NotFound, match=r"^there is no inbox message 7$"):
            load(session, InboxMessage, "7")


def test_model_can_set_the_name_that_messages_use(database, monkeypatch):
    monkeypatch.setattr(InboxMessage, "human_name", "event", raising=False)
    with database.reading() as session, pytest.raises(NotFound, match=r"^there is no event 7$"):
        loading.get(session, InboxMessage, "7")


def test_locked_row_is_read_fresh(database, seven_rows):
    with database.transaction() as session:
        row = loading.get(session, Lease, "row-1")
        session.execute(
            update(Lease)
            .where(Lease.name == "row-1")
            .values(holder="a")
            .execution_options(synchronize_session=False)
        )
        assert (loading.get(session, Lease, "row-1"), row.holder) == (row, "nobody")
        assert (loading.lock(session, Lease, "row-1"), row.holder) == (row, "a")


def test_two_transactions_cannot_change_a_locked_row_at_once(database, seven_rows):
    def append(letter):
        with database.transaction() as session:
            row = loading.lock(session, Lease, "row-1")
            eventlet.sleep(0.05)
            row.holder += letter

    both = [eventlet.spawn(append, letter) for letter in "ab"]
    for one in both:
        one.wait()
    with database.reading() as session:
        assert loading.get(session, Lease, "row-1").holder in ("nobodyab", "nobodyba")
