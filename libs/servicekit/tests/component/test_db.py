import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone

import eventlet
import pytest
from servicekit import db
from servicekit.db import DATABASE_ERRORS, DatabaseBusy, NestedTransaction, insert_if_absent
from servicekit.tables import IdempotentCommand, Lease
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, StatementError

NOW = datetime(2026, 11, 23, 8, 30, 0, 123456, tzinfo=UTC)
HOLD_THE_WRITE_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


def add_lease(session, name="x", holder="me", expires_at=NOW):
    session.add(Lease(name=name, holder=holder, expires_at=expires_at))


def count(database):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Lease))


@pytest.fixture
def stalls():
    """The pauses between turns of the event loop during the test, in seconds."""
    gaps = []

    def tick():
        last = time.monotonic()
        while True:
            eventlet.sleep(0.002)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    ticker = eventlet.spawn(tick)
    eventlet.sleep(0)
    yield gaps
    ticker.kill()


@pytest.fixture
def sqlite(tmp_path, open_database):
    return open_database(f"sqlite:///{tmp_path / 'kit.db'}")


@pytest.fixture
def hold(tmp_path):
    """Call it to make another process hold the write lock of the SQLite database for some seconds."""
    holders = []

    def hold_for(seconds):
        command = [sys.executable, "-c", HOLD_THE_WRITE_LOCK, tmp_path / "kit.db", str(seconds)]
        holders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert holders[-1].stdout.readline() == "held\n"

    yield hold_for
    for holder in holders:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_waiting_for_another_process_does_not_stop_other_greenthreads(sqlite, hold, stalls):
    hold(0.5)
    gaps_before = len(stalls)
    with sqlite.transaction() as session:
        add_lease(session)

    assert count(sqlite) == 1
    assert len(stalls) - gaps_before > 20
    assert max(stalls[gaps_before:]) < 0.08


def test_database_that_stays_locked_is_busy(sqlite, hold, monkeypatch):
    monkeypatch.setattr(db, "MAX_WRITE_WAIT_SECONDS", 0.1)
    hold(5)

    with pytest.raises(DatabaseBusy, match="stayed locked"), sqlite.transaction():
        raise AssertionError("the transaction began")
    assert issubclass(DatabaseBusy, DATABASE_ERRORS)
    assert count(sqlite) == 0  # reading is not disturbed


def test_writer_waits_for_a_slow_one_in_the_same_process(sqlite, monkeypatch):
    def write_slowly(name, seconds):
        with sqlite.transaction() as session:
            add_lease(session, name=name)
            session.flush()
            eventlet.sleep(seconds)

    first, second = eventlet.spawn(write_slowly, "a", 0.1), eventlet.spawn(write_slowly, "b", 0)
    first.wait()
    second.wait()
    assert count(sqlite) == 2

    monkeypatch.setattr(db, "MAX_WRITE_WAIT_SECONDS", 0.02)
    slow = eventlet.spawn(write_slowly, "c", 0.2)
    eventlet.sleep(0)
    with pytest.raises(DatabaseBusy):
        write_slowly("d", 0)
    slow.wait()


def test_nested_transaction_is_refused_at_once(database):
    started = time.monotonic()
    with (
        pytest.raises(NestedTransaction, match="pass its session on"),
        database.transaction(),
        database.transaction(),
    ):
        raise AssertionError("nested")
    assert time.monotonic() - started < 1

    with database.transaction() as session:
        add_lease(session)
    assert count(database) == 1


def test_reading_inside_a_transaction_is_allowed(database):
    with database.transaction() as session:
        add_lease(session)
        session.flush()
        assert count(database) == 0


def test_error_rolls_the_transaction_back(database):
    with pytest.raises(KeyError), database.transaction() as session:
        add_lease(session)
        session.flush()
        raise KeyError
    assert count(database) == 0


def test_all_statements_of_one_reading_see_the_same_state(database):
    with database.reading() as session:
        assert session.scalars(select(Lease)).all() == []
        with database.transaction() as writing:
            add_lease(writing)
        assert session.scalars(select(Lease)).all() == []
    assert count(database) == 1


def test_reading_writes_nothing(database):
    try:
        with database.reading() as session:
            add_lease(session)
            session.flush()
    except DBAPIError as error:
        assert "read-only" in str(error)  # PostgreSQL refuses; SQLite rolls back
    assert count(database) == 0


def test_only_a_commit_that_published_an_event_wakes_the_relay(database):
    woken = []
    database.after_commit("mark", lambda: woken.append(1))

    with database.transaction() as session:
        add_lease(session, "a")
    with pytest.raises(KeyError), database.transaction() as session:
        session.info["mark"] = True
        raise KeyError
    assert woken == []
    with database.transaction() as session:
        session.info["mark"] = True
    assert woken == [1]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8))])
def test_instant_is_read_back_in_utc(database, zone):
    with database.transaction() as session:
        add_lease(session, expires_at=NOW.astimezone(zone))
    with database.reading() as session:
        kept = session.scalars(select(Lease)).one()
        assert (kept.expires_at, kept.expires_at.tzinfo) == (NOW, UTC)
        assert session.scalars(select(Lease).where(Lease.expires_at <= NOW.astimezone(zone))).one() is kept
        assert session.scalar(select(func.count()).where(Lease.expires_at < NOW)) == 0


def test_instant_without_a_time_zone_is_not_stored(database):
    with pytest.raises(StatementError, match="without a time zone"), database.transaction() as session:
        add_lease(session, expires_at=NOW.replace(tzinfo=None))
        session.flush()


def test_row_is_inserted_once(database):
    def claim():
        with database.transaction() as session:
            return insert_if_absent(session, Lease, name="x", holder="me", expires_at=NOW)

    assert [claim(), claim()] == [True, False]


def test_database_error_does_not_show_the_values(database):
    values = {"key": "k", "fingerprint": "hunter2", "created_at": NOW}
    with pytest.raises(DBAPIError) as refused, database.transaction() as session:
        session.execute(insert(IdempotentCommand).values(values))
        session.execute(insert(IdempotentCommand).values(values))
    assert "hunter2" not in str(refused.value)


def test_database_that_is_down_raises_a_database_error(open_database, tmp_path, free_port):
    gone = [
        db.Database(f"postgresql://isp:pw@127.0.0.1:{free_port()}/isp"),
        db.Database(f"sqlite:///{tmp_path / 'missing' / 'kit.db'}"),
    ]
    for database in gone:
        with pytest.raises(DATABASE_ERRORS):
            database.check()
        with pytest.raises(DATABASE_ERRORS), database.transaction():
            pass
        assert "pw" not in database.url_shown


def test_connection_that_died_while_idle_is_replaced(postgres_url, open_database, monkeypatch):
    database = open_database(postgres_url)
    monkeypatch.setattr(db, "PING_AFTER_SECONDS", 0.0)
    with database.reading() as session:
        mine = session.scalar(select(func.pg_backend_pid()))
    with db.Database(postgres_url).engine.connect() as other:
        assert other.scalar(select(func.pg_terminate_backend(mine)))
    with database.reading() as session:
        assert session.scalar(select(func.pg_backend_pid())) != mine


def test_connection_that_was_just_in_use_is_not_pinged(postgres_url, open_database, monkeypatch):
    database = open_database(postgres_url)
    with database.reading() as session:
        session.scalar(select(1))
    asked = []
    monkeypatch.setattr(database.engine.dialect, "do_ping", lambda connection: asked.append(connection))
    with database.reading() as session:
        session.scalar(select(1))
    assert asked == []
