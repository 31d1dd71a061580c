"""PostgreSQL: one statement in the background writes ordinary reports; a transaction writes the others."""

from __future__ import annotations

import socket

from radius_svc.listener.database import ListenerDatabase
from sqlalchemy import text

from .conftest import ON_POSTGRESQL
from .packets import only, report

pytestmark = ON_POSTGRESQL


def test_a_start_does_not_read_sessions_of_other_logins(radius_database, send):
    """Even if PostgreSQL has statistics from a moment when nobody was online."""
    with radius_database.database.engine.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        autocommit.exec_driver_sql(
            "INSERT INTO radacct"
            " (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctstoptime)"
            " SELECT i::text, 'old-' || i, 'old-' || i, '10.9.9.9', now(), now()"
            " FROM generate_series(1, 20000) i"
        )
        autocommit.exec_driver_sql("VACUUM ANALYZE radacct")
        autocommit.exec_driver_sql("UPDATE radacct SET acctstoptime = NULL")
        plan = autocommit.exec_driver_sql(
            "EXPLAIN SELECT FROM radacct WHERE username = 'juan' AND acctstoptime IS NULL"
        )
        assert "ix_radacct_open_username" in " ".join(plan.scalars())


def test_a_refused_report_does_not_affect_others(radius_database, listener, send):
    with radius_database.database.transaction() as session:
        session.execute(text("DELETE FROM radacct"))
    with radius_database.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE radacct ADD CHECK (acctinputoctets < 1000)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", listener.acct_port))
        sock.settimeout(2)
        for number, octets in enumerate((1, 5_000, 2)):
            sock.send(report("Start", f"8100000{number}", ident=number, Acct_Input_Octets=octets))
        answered = {sock.recv(4096)[1] for _ in range(2)}

    assert answered == {0, 2}
    assert sorted(session.acctinputoctets for session in radius_database.sessions()) == [1, 2]


def test_a_broken_background_connection_is_replaced(radius_database, send):
    send("Start", "81000001")
    with radius_database.database.engine.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        autocommit.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'EXECUTE isp_%%'"
        )
    for octets in (1, 2, 3):
        send("Interim-Update", "81000001", Acct_Input_Octets=octets, ident=octets)

    assert only(radius_database.sessions()).acctinputoctets == 3


def test_the_database_url_may_contain_options(radius_database_url):
    separator = "&" if "?" in radius_database_url else "?"
    database = ListenerDatabase(f"{radius_database_url}{separator}connect_timeout=9&keepalives_idle=9")
    database.begin_to_connect().close()
