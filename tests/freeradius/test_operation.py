"""Operating FreeRADIUS: routers come and go, the database fails and returns, and the role's rights."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from servicekit.db import Database
from simulators.nas import Outcome
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.support import radclient
from tests.support.deployment import NAS_SECRET, Deployment, running
from tests.support.freeradius import MONITOR_SECRET, PROGRAM, ROLE, FreeRadius, as_freeradius
from tests.support.isp import SECONDS, Isp, MakeIsp
from tests.support.waiting import wait_for

OTHER_SECRET = "another-secret-0123456789"


def test_isp_os_is_ready_without_its_own_listener(deployment: Deployment) -> None:
    answer = requests.get(f"{deployment.url}/readyz", timeout=10)

    assert answer.ok, answer.text
    assert not (deployment.data_dir / "pids" / "radius-listener").exists()
    wait_for("FreeRADIUS in the banner", lambda: "FreeRADIUS" in deployment.log.read_text())


def test_service_is_provisioned_once_it_is_in_the_tables(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    assert isp.dial(juan).outcome is Outcome.ACCEPTED
    assert juan.service()["provisioned"]


def test_routers_are_added_changed_and_removed_without_a_restart(make_isp: MakeIsp) -> None:
    isp = make_isp(timeout_seconds=0.3, tries=1)
    juan = isp.connect("Juan dela Cruz", online=False)
    router = f"/routers/{isp.router['id']}"
    assert isp.dial(juan).outcome is Outcome.ACCEPTED

    isp.api.patch(router, radius_secret=OTHER_SECRET)
    wait_for("the old secret is dropped", lambda: isp.dial(juan).outcome is Outcome.NO_ANSWER)
    isp.api.patch(router, radius_secret=NAS_SECRET)
    wait_for("the right one is answered", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED)

    isp.api.patch(router, status="disabled")
    wait_for("it is dropped", lambda: isp.dial(juan).outcome is Outcome.NO_ANSWER)
    isp.api.patch(router, status="online")
    wait_for("it is answered", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED)


def test_health_check_is_answered(freeradius: FreeRadius) -> None:
    assert radclient.is_healthy(freeradius.auth_port, "auth", MONITOR_SECRET)
    assert not radclient.is_healthy(freeradius.auth_port, "auth", "not the secret")


def _allow(database: Database, *, login: bool) -> None:
    with database.transaction() as session:
        session.execute(text(f"alter role {ROLE} {'login' if login else 'nologin'}"))
    gone = text("select pg_terminate_backend(pid) from pg_stat_activity where usename = :role")
    with database.transaction() as session:
        session.execute(gone, {"role": ROLE})


def test_lost_database_means_no_answers_rather_than_rejects(
    make_isp: MakeIsp, freeradius: FreeRadius, database: Database
) -> None:
    """A router then retries, or tries another server; a reject would lock out a subscriber who has paid."""
    isp = make_isp(timeout_seconds=1.0, tries=2)
    juan = isp.connect("Juan dela Cruz", online=False)
    assert isp.dial(juan).outcome is Outcome.ACCEPTED
    isp.nas.wait_reported(SECONDS)

    _allow(database, login=False)
    try:
        assert isp.dial(juan).outcome is Outcome.NO_ANSWER
        assert not radclient.is_healthy(freeradius.auth_port, "auth", MONITOR_SECRET)
        isp.nas.pass_traffic(juan.username, download_octets=2_000)
        isp.nas.send_interims()
        isp.nas.wait_reported(SECONDS)  # given up on
        (session,) = juan.open_sessions()
        assert session["output_octets"] == 0
    finally:
        _allow(database, login=True)

    wait_for("it answers again", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED, seconds=30)


@pytest.mark.parametrize(
    "statement",
    [
        "select password_encrypted from radius_account",
        "select community from nas",
        "select pass from radpostauth",
        "select * from session_changes",
        "insert into radcheck (username, attribute, op, value) values ('x', 'Auth-Type', ':=', 'Accept')",
        "update nas set secret = 'x'",
        "delete from radacct",
        "create table public.mine (id int)",
    ],
)
def test_role_has_only_the_rights_it_needs(deployment: Deployment, statement: str) -> None:
    database = as_freeradius(deployment)
    try:
        with pytest.raises(ProgrammingError, match="permission denied"), database.transaction() as session:
            session.execute(text(statement))
    finally:
        database.close()


def test_no_log_contains_a_password(isp: Isp, freeradius: FreeRadius) -> None:
    juan = isp.connect("Juan dela Cruz", online=False, password="password-of-juan")
    assert isp.nas.pap(juan.username, "password-of-juan").outcome is Outcome.ACCEPTED
    assert isp.nas.pap(juan.username, "password-of-another").outcome is Outcome.REJECTED

    assert "password-of" not in freeradius.last_words(lines=1_000_000)


def test_embedded_system_starts_no_listener_behind_freeradius(
    freeradius: FreeRadius, server_directory: Callable[[str], Path]
) -> None:
    environ: dict[str, str | None] = {
        "ISPOS_RADIUS_SERVER": "freeradius",
        "ISPOS_RADIUS_AUTH_PORT": str(freeradius.auth_port),
        "ISPOS_RADIUS_ACCT_PORT": str(freeradius.acct_port),
    }
    embedded = Deployment("embedded", server_directory("ispos-embedded"), environ=environ)
    with running(embedded):
        assert embedded.what_is_not_ready() == ""
        assert [process.pid for process in embedded.processes()] == [embedded.pid("main")]


def test_configuration_check_has_no_warnings(freeradius: FreeRadius) -> None:
    command = [PROGRAM, "-d", str(freeradius.folder), "-CX"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert checked.returncode == 0, checked.stdout
    assert "Configuration appears to be OK" in checked.stdout
    assert not [line for line in checked.stdout.splitlines() if "warn" in line.lower()]
