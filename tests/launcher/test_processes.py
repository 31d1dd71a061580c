"""Children that are restarted, and children that a killed launcher left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ispos import processes
from ispos.processes import Child

SLEEPER = ["timeit", "-n1", "-r1", "import time; time.sleep(60)"]
DYING = ["timeit", "-n1", "-r1", "raise ValueError"]


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(arguments: list[str] = SLEEPER, data_dir: str = "here") -> Child:
        environ = {**os.environ, "ISPOS_DATA_DIR": data_dir}
        made.append(Child("child", arguments, environ, tmp_path / "pids" / "child"))
        return made[-1]

    yield make
    for child in made:
        child.ask_to_stop()
        child.wait_stopped(5)


@pytest.fixture
def make_process() -> Iterator[Callable[..., subprocess.Popen]]:
    """A process that someone else started."""
    made: list[subprocess.Popen] = []

    def make(arguments: list[str], data_dir: str = "here") -> subprocess.Popen:
        environ = {**os.environ, "ISPOS_DATA_DIR": data_dir}
        made.append(subprocess.Popen([sys.executable, *arguments], env=environ))
        while not Path(f"/proc/{made[-1].pid}/cmdline").read_bytes().startswith(sys.executable.encode()):
            time.sleep(0.01)
        return made[-1]

    yield make
    for process in made:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_failing_child_is_restarted_after_growing_pauses(make_child, monkeypatch):
    pauses = []
    monkeypatch.setattr(processes, "PAUSES_SECONDS", (0.0, 0.05, 0.1))
    child = make_child(DYING)
    child.start()
    for _ in range(3):
        until(lambda: child.tend() == 1)
        ended = time.monotonic()
        until(lambda: child.tend() is None and child.pid is not None)
        pauses.append(time.monotonic() - ended)
    assert child.restarts == 3
    assert pauses[0] >= 0.05
    assert min(pauses[1:]) >= 0.1


def test_child_that_ran_for_a_while_is_restarted_immediately(make_child, monkeypatch):
    monkeypatch.setattr(processes, "PAUSES_SECONDS", (0.0, 60.0))
    monkeypatch.setattr(processes, "STEADY_AFTER_SECONDS", 0.0)
    child = make_child()
    child.start()
    first = child.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: child.tend() == -signal.SIGKILL)
    until(lambda: child.tend() is None and child.pid is not None)
    assert child.pid != first


def test_failed_start_is_retried(make_child, monkeypatch):
    monkeypatch.setattr(processes, "PAUSES_SECONDS", (0.0,))
    child = make_child(DYING)
    child.start()
    until(lambda: child.tend() == 1)

    def no_memory(*_arguments, **_named):
        raise OSError("Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(processes.subprocess, "Popen", no_memory)
        assert child.tend() is None
        assert child.pid is None
    until(lambda: child.tend() is None and child.pid is not None)


def test_child_that_ignores_sigterm_is_killed(make_child, tmp_path):
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = make_child(["timeit", "-n1", "-r1", stubborn])
    child.start()
    time.sleep(0.3)
    child.ask_to_stop()
    began = time.monotonic()
    child.wait_stopped(0.2)
    assert time.monotonic() - began < 3
    assert not (tmp_path / "pids" / "child").exists()


def test_orphan_of_a_killed_launcher_is_stopped(make_child, make_process, tmp_path):
    orphan = make_process(["-m", *SLEEPER])
    child = make_child()
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "child").write_text(str(orphan.pid))
    child.replace_orphan()
    assert orphan.wait(5) == -signal.SIGTERM
    assert not (tmp_path / "pids" / "child").exists()


@pytest.mark.parametrize(
    ("arguments", "data_dir"),
    [
        (["-c", "import time; time.sleep(60)"], "here"),
        (["-c", "import time; time.sleep(60)", b"\xff\xfe"], "here"),
        (["-m", *SLEEPER], "there"),  # another installation on this machine
    ],
)
def test_orphan_search_leaves_other_processes_alone(make_child, make_process, tmp_path, arguments, data_dir):
    other = make_process(arguments, data_dir)
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "child").write_text(str(other.pid))
    make_child().replace_orphan()
    assert other.poll() is None
    assert not (tmp_path / "pids" / "child").exists()


@pytest.mark.parametrize("content", ["", "no number", "0", "-1", "999999999", "1"])
def test_pid_file_without_a_process_of_ours_is_removed(make_child, tmp_path, content):
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "child").write_text(content)
    make_child().replace_orphan()
    assert not (tmp_path / "pids" / "child").exists()


def test_zombie_is_not_an_orphan(make_child, make_process, tmp_path):
    zombie = make_process(["-m", *SLEEPER])
    zombie.kill()
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "child").write_text(str(zombie.pid))
    began = time.monotonic()
    make_child().replace_orphan()
    assert time.monotonic() - began < 2
