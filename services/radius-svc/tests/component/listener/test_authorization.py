"""What the control plane writes, and how the index reads it."""

from __future__ import annotations

import pytest
from contracts.billing_settings import SuspensionMode
from radius_svc.listener import database as listener_database
from radius_svc.listener.index.entries import Index
from radius_svc.listener.index.reader import IndexReader
from radius_svc.models import IndexVersion, Nas, RadCheck, RadGroupCheck, RadReply, RadUserGroup
from radius_svc.usecases.authorization import (
    AccountData,
    NasClient,
    next_seq,
    remove_nas,
    write_account,
    write_nas,
    write_plan_group,
    write_suspended_group,
)
from servicekit.db import Database
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError


@pytest.fixture(params=["sqlite", "postgresql"])
def radius_database_url(request, migrated, tmp_path) -> str:
    """No process stays connected, so all tests can have the same database on PostgreSQL."""
    if request.param == "sqlite":
        return migrated.sqlite(tmp_path / "radius.db")
    return migrated.postgresql(request.getfixturevalue("postgres"))


def account(**changes) -> AccountData:
    defaults = {
        "service_id": "s1",
        "version": 1,
        "subscriber_id": "sub1",
        "username": "ana",
        "password": "secret",
        "password_encrypted": "token",
        "plan_id": "fast",
    }
    return AccountData(**defaults | changes)


def nas(**changes) -> NasClient:
    defaults = {"router_id": "r1", "version": 1, "address": "10.0.0.1", "name": "tower", "secret": "s"}
    return NasClient(**defaults | changes)


@pytest.fixture
def write(radius_database):
    """Call a function of the package in its own transaction."""

    def write(function, *arguments, **named):
        with radius_database.database.transaction() as session:
            return function(session, *arguments, **named)

    return write


@pytest.fixture
def rows(radius_database):
    def rows(table, username):
        with radius_database.database.reading() as session:
            statement = select(table).where(table.username == username).order_by(table.id)
            found = list(session.scalars(statement))
            session.expunge_all()
            return found

    return rows


@pytest.fixture
def index(radius_database_url, radius_database):
    """Call it to update an index from the database."""
    database = listener_database.ListenerDatabase(radius_database_url)
    followed = Index()
    reader = IndexReader(followed)

    def refresh():
        with database.snapshot() as connection:
            reader.refresh(connection)
        return followed

    with database.snapshot() as connection:
        reader.load(connection)
    yield refresh
    database.close()


def test_a_new_database_starts_at_zero(radius_database_url):
    database = Database(radius_database_url)
    with database.reading() as session:
        assert session.scalar(select(IndexVersion.seq)) == 0
    database.close()


def test_a_login_is_written_into_the_standard_tables(write, rows):
    assert write(write_account, account(static_ip="10.9.8.7", suspended=True))

    (check,) = rows(RadCheck, "ana")
    assert (check.attribute, check.op, check.value) == (
        "NT-Password",
        ":=",
        "878d8014606cda29677a44efa1353fc7",
    )
    (reply,) = rows(RadReply, "ana")
    assert (reply.attribute, reply.op, reply.value) == ("Framed-IP-Address", ":=", "10.9.8.7")
    assert [(g.groupname, g.priority) for g in rows(RadUserGroup, "ana")] == [
        ("suspended", 1),
        ("plan:fast", 2),
    ]


def test_a_session_limit_is_a_row_of_radcheck(write, rows):
    def checks():
        return [(row.attribute, row.op, row.value) for row in rows(RadCheck, "ana")][1:]

    write(write_account, account(session_limit=1))
    assert checks() == [("Simultaneous-Use", ":=", "1")]
    write(write_account, account(version=2, session_limit=16))
    assert checks() == [("Simultaneous-Use", ":=", "16")]
    write(write_account, account(version=3))
    assert checks() == []


def test_versions_that_are_not_newer_are_ignored(write, rows):
    assert write(write_account, account(version=2))

    assert not write(write_account, account(version=2, password="late"))
    assert not write(write_account, account(version=1, suspended=True))
    assert len(rows(RadUserGroup, "ana")) == 1


def test_a_new_username_leaves_no_row_of_the_old_one(write, rows):
    write(write_account, account())
    write(write_account, account(version=2, username="anna"))

    assert [rows(table, "ana") for table in (RadCheck, RadReply, RadUserGroup)] == [[], [], []]
    assert len(rows(RadCheck, "anna")) == 1


def test_the_username_of_another_live_service_is_refused(write):
    write(write_account, account())

    with pytest.raises(IntegrityError):
        write(write_account, account(service_id="s2"))


def test_a_terminated_service_releases_its_username_for_good(write, rows):
    write(write_account, account())
    write(write_account, account(version=2, terminated=True))
    assert rows(RadCheck, "ana") == []

    write(write_account, account(service_id="s2"))
    write(write_account, account(version=3, terminated=True))
    assert len(rows(RadCheck, "ana")) == 1


def test_block_mode_writes_auth_type_reject(radius_database, write):
    garden = {"address_list": "fenced", "rate_limit": "1M/1M", "session_timeout_seconds": 60}
    write(write_suspended_group, 1, mode=SuspensionMode.BLOCK, **garden)
    with radius_database.database.reading() as session:
        assert session.scalar(select(RadGroupCheck.value)) == "Reject"

    write(write_suspended_group, 2, mode=SuspensionMode.WALLED_GARDEN, **garden)
    with radius_database.database.reading() as session:
        assert session.scalar(select(RadGroupCheck.value)) is None


def test_a_late_event_does_not_bring_back_a_removed_router(radius_database, write):
    write(write_nas, nas())
    assert write(remove_nas, "r1", 3)
    assert not write(write_nas, nas(version=2))
    with radius_database.database.reading() as session:
        assert session.scalar(select(Nas.id).where(Nas.router_id == "r1")) is None

    assert write(write_nas, nas(version=4))


def test_one_transaction_takes_one_number(radius_database):
    with radius_database.database.transaction() as session:
        first = next_seq(session)
        write_account(session, account())
        write_account(session, account(service_id="s2", username="ben"))
        assert next_seq(session) == first


def test_the_number_of_a_rolled_back_savepoint_is_not_reused(radius_database):
    with radius_database.database.transaction() as session:
        first = next_seq(session)
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            assert next_seq(session) == first + 1
            raise ZeroDivisionError
        assert next_seq(session) == first + 1
    with radius_database.database.reading() as session:
        assert session.scalar(select(IndexVersion.seq)) == first + 1


def test_index_follows_accounts_groups_and_routers(write, index):
    write(write_account, account())
    write(write_plan_group, "fast", 2, {"Mikrotik-Rate-Limit": "1M/1M"})
    write(write_nas, nas())
    followed = index()

    answer = followed.groups.reply_for(followed.logins["ana"])
    assert b"1M/1M" in answer.attributes
    assert followed.nas["10.0.0.1"].label == "tower"

    write(write_account, account(version=2, terminated=True))
    write(remove_nas, "r1", 2)
    followed = index()
    assert "ana" not in followed.logins
    assert "10.0.0.1" not in followed.nas


def test_two_services_may_swap_their_names(write, index, radius_database):
    write(write_account, account())
    write(write_account, account(service_id="s2", username="ben"))
    index()
    write(write_account, account(version=2, username="x"))
    write(write_account, account(service_id="s2", version=2, username="ana"))
    write(write_account, account(version=3, username="ben"))
    followed = index()

    assert followed.logins["ana"].service_id == "s2"
    assert followed.logins["ben"].service_id == "s1"
    assert "x" not in followed.logins


def test_full_comparison_finds_nothing_after_any_changes(write, index, radius_database_url):
    for number in range(20):
        write(write_account, account(service_id=f"s{number}", username=f"user{number}"))
    index()
    for number in range(0, 20, 2):
        write(write_account, account(service_id=f"s{number}", version=2, username=f"renamed{number}"))
    for number in range(0, 20, 3):
        write(write_account, account(service_id=f"s{number}", version=3, terminated=True))
    followed = index()

    database = listener_database.ListenerDatabase(radius_database_url)
    with database.snapshot() as connection:
        assert IndexReader(followed).load(connection) == 0
    database.close()


def test_after_restoring_a_backup_the_index_is_reloaded(radius_database, write, index):
    write(write_account, account())
    assert "ana" in index().logins
    with radius_database.database.transaction() as session:
        session.query(IndexVersion).update({"seq": 1})
        session.query(RadCheck).filter_by(username="ana").update({"value": "00" * 16})

    assert index().logins["ana"].nt_hash == bytes(16)


def test_the_owner_of_a_username_is_found_in_an_index(write, radius_database):
    """Every change of an account needs it. Reading all of 50,000 accounts took 8 ms."""
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT radius_account.service_id"):
            asked.append((statement, parameters))

    engine = radius_database.database.engine
    event.listen(engine, "before_cursor_execute", note)
    write(write_account, account())
    event.remove(engine, "before_cursor_execute", note)

    is_sqlite = radius_database.database.is_sqlite
    (statement, parameters) = asked[-1]
    with engine.connect() as connection:
        if not is_sqlite:  # PostgreSQL reads small tables completely, unless told not to
            connection.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    assert "uq_radius_account_live_username" in str(plan)
