from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from .conftest import ENCRYPTION_KEY, wait_for
from .launching import launch_command

ONLY_SQLITE = pytest.mark.parametrize("radius_database_url", ["sqlite"], indirect=True)


@pytest.fixture
def launch():
    return launch_command


def run_listener(**environment: str) -> tuple[int, str]:
    settings = {"ISPOS_ENCRYPTION_KEY": ENCRYPTION_KEY, "RADIUS_DATABASE_URL": "sqlite:////nowhere/radius.db"}
    process = subprocess.Popen(
        [sys.executable, "-m", "radius_svc", "listen"],
        env=os.environ | settings | environment,
        stderr=subprocess.PIPE,
    )
    with process:
        error = process.stderr.read().decode()
    return process.returncode, error


def test_a_port_in_use_is_reported_in_one_line_with_exit_code_2():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        code, error = run_listener(ISPOS_RADIUS_HOST="127.0.0.1", ISPOS_RADIUS_AUTH_PORT=port)

    assert code == 2
    assert error == f"ISPOS_RADIUS_AUTH_PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ISPOS_ENCRYPTION_KEY", "short"),
        ("ISPOS_RADIUS_ACCT_PORT", "ninety"),
        ("ISPOS_RADIUS_METRICS_PORT", "70000"),
        ("RADIUS_DATABASE_URL", ""),
    ],
)
def test_a_wrong_setting_is_reported_with_exit_code_2(variable, value):
    code, error = run_listener(
        **{"ISPOS_RADIUS_AUTH_PORT": "0", "ISPOS_RADIUS_ACCT_PORT": "0", variable: value}
    )

    assert code == 2
    assert error.startswith(f"{variable}: ")
    assert error.count("\n") == 1


@ONLY_SQLITE
def test_sigterm_stops_the_listener_cleanly(listener):
    assert listener.stop() == 0
    assert "Traceback" not in listener.log.read_text()


@ONLY_SQLITE
def test_listener_loads_neither_the_bus_nor_the_web(listener):
    """Memory matters: on a small machine the listener runs next to everything else."""
    script = (
        "import sys, radius_svc.listener.process.run; "
        "print([m for m in ('nameko', 'eventlet', 'kombu', 'flask', 'alembic', 'pyrad') if m in sys.modules])"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.read() == b"[]\n"


@ONLY_SQLITE
def test_a_killed_listener_answers_again_after_a_restart(radius_database, listener, start_listener, make_nas):
    listener.process.kill()
    wait_for(listener.process.poll, what="the end")

    again = start_listener()

    assert make_nas(listener=again).mschap2("juan", "clientPass").session is not None
