from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ENCRYPTION_KEY, wait_for
from .launching import Launch, launch_command


@pytest.fixture
def run_listener(launch: Launch, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Call it with variables for the exit code of a listener that cannot start, and what it wrote."""

    def run(**environment: str) -> tuple[int, str]:
        settings = {
            "ISPOS_ENCRYPTION_KEY": ENCRYPTION_KEY,
            "RADIUS_DATABASE_URL": "sqlite:////nowhere/radius.db",
        }
        log = tmp_path / "cannot-start.log"
        process = launch(os.environ | settings | environment, log)
        code = wait_for(process.poll, what="the listener to end")
        return code, log.read_text()

    return run


class TestCommand:
    """Started as operators do; elsewhere the listener is forked from a process that has imported it."""

    @pytest.fixture
    def launch(self) -> Launch:
        return launch_command

    def test_sigterm_stops_the_listener_cleanly(self, listener):
        assert listener.stop() == 0
        assert "Traceback" not in listener.log.read_text()

    def test_a_wrong_setting_is_reported_with_exit_code_2(self, run_listener):
        code, error = run_listener(ISPOS_ENCRYPTION_KEY="short")

        assert code == 2
        assert error.startswith("ISPOS_ENCRYPTION_KEY: ")
        assert error.count("\n") == 1

    def test_listener_loads_neither_the_bus_nor_the_web(self):
        """Memory matters: on a small machine the listener runs next to everything else."""
        heavy = ("nameko", "eventlet", "kombu", "flask", "alembic", "pyrad")
        script = (
            f"import sys, radius_svc.listener.process.run; print([m for m in {heavy} if m in sys.modules])"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
            assert process.stdout.read() == b"[]\n"


def test_a_port_in_use_is_reported_in_one_line_with_exit_code_2(run_listener):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        code, error = run_listener(ISPOS_RADIUS_HOST="127.0.0.1", ISPOS_RADIUS_AUTH_PORT=port)

    assert code == 2
    assert error == f"ISPOS_RADIUS_AUTH_PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ISPOS_RADIUS_ACCT_PORT", "ninety"),
        ("ISPOS_RADIUS_METRICS_PORT", "70000"),
        ("RADIUS_DATABASE_URL", ""),
    ],
)
def test_a_wrong_setting_is_named(run_listener, variable, value):
    code, error = run_listener(
        **{"ISPOS_RADIUS_AUTH_PORT": "0", "ISPOS_RADIUS_ACCT_PORT": "0", variable: value}
    )

    assert code == 2
    assert error.startswith(f"{variable}: ")
    assert error.count("\n") == 1


def test_a_second_listener_reports_that_the_port_is_in_use(start_listener, radius_database, run_listener):
    """Its own workers share a port, but two listeners must not."""
    first = start_listener(ISPOS_RADIUS_WORKERS="2")
    code, error = run_listener(
        ISPOS_RADIUS_HOST="127.0.0.1",
        ISPOS_RADIUS_AUTH_PORT=str(first.auth_port),
        ISPOS_RADIUS_WORKERS="2",
    )

    assert code == 2
    assert "Address already in use" in error


def test_a_killed_listener_answers_again_after_a_restart(listener, start_listener, make_nas):
    listener.process.kill()
    wait_for(listener.process.poll, what="the end")

    again = start_listener()

    assert make_nas(listener=again).mschap2("juan", "clientPass").session is not None
