"""Migrating databases that contain rows, while accounting continues."""

from __future__ import annotations

import threading

import pytest
from radius_svc.models import RequestAttempt, SessionChange
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from testkit.component import database_of_revision

old = database_of_revision("radius_svc", "0006")
older = database_of_revision("radius_svc", "0005")

ROWS = (
    "insert into session_changes (id, service_id, kind, status, authorized_seq, authorized_at, rounds,"
    " next_round_at, correlation_id) values (1, 's', 'kick', 'done', 1, '2026-01-01', 0, '2026-01-01', 'c')",
    "insert into request_attempts (id, change_id, service_id, acctuniqueid, kind, outcome, detail, suspended,"
    " sent_at) values ('a', 1, 's', 'u', 'coa', 'acked', '', false, '2026-01-01')",
)

PACKET = "insert into radacct (acctsessionid, acctuniqueid, nasipaddress) values ('1', '{}', '10.0.0.1')"


def test_existing_requests_stay_and_probes_can_be_stored(old):
    with old.transaction() as session:
        for row in ROWS:
            session.execute(text(row))
    migrate(old, "radius_svc")

    for model in (SessionChange, RequestAttempt):
        with old.transaction() as session:
            assert session.execute(update(model).values(kind="probe")).rowcount == 1
        with pytest.raises(IntegrityError), old.transaction() as session:
            session.execute(text(f"update {model.__tablename__} set kind = 'nonsense'"))


@pytest.mark.parametrize("older", ["postgresql"], indirect=True)
def test_accounting_continues_while_indexes_are_built(older):
    """A reader's snapshot delays building the index. A packet must not wait for either of them."""
    replicas = [Database(older.url) for _ in range(2)]
    with older.engine.connect() as reader:
        reader.execute(text("begin isolation level repeatable read"))
        reader.execute(text("select count(*) from radacct"))
        threads = [threading.Thread(target=migrate, args=(replica, "radius_svc")) for replica in replicas]
        for thread in threads:
            thread.start()
        _wait_until_building(older)
        with older.transaction() as session:
            session.execute(text("set local lock_timeout = 1000"))
            session.execute(text(PACKET.format("1")))
        assert all(thread.is_alive() for thread in threads)
        reader.rollback()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for replica in replicas:
        replica.close()
    with older.engine.connect() as connection:
        unusable = connection.execute(text("select count(*) from pg_index where not indisvalid")).scalar()
    assert unusable == 0


def _wait_until_building(database: Database) -> None:
    building = text("select count(*) from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY%' ")
    waiting = threading.Event()
    for _ in range(1000):
        with database.engine.connect() as connection:
            if connection.execute(text(f"{building} and wait_event_type = 'Lock'")).scalar():
                return
        waiting.wait(0.01)
    raise AssertionError("no index is being built")


@pytest.mark.parametrize("older", ["postgresql"], indirect=True)
def test_an_index_left_invalid_by_a_failed_attempt_is_rebuilt(older):
    name = "ix_radacct_closed_username"
    with older.engine.begin() as connection:
        connection.execute(text(f"create index {name} on radacct (username)"))
        connection.execute(text("create index ix_radacct_open_radacctid on radacct (radacctid)"))
    with older.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for number in range(2):
            connection.execute(text(PACKET.format(number)))
        connection.execute(text(f"drop index {name}"))
        with pytest.raises(IntegrityError):  # fails half-way, because two rows have this session id
            connection.execute(text(f"create unique index concurrently {name} on radacct (acctsessionid)"))
    migrate(older, "radius_svc")
    with older.engine.connect() as connection:
        definition = connection.execute(text("select pg_get_indexdef(to_regclass(:name))"), {"name": name})
        assert "lower(username)" in definition.scalar_one()
