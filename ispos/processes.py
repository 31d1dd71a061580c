"""Child processes that are restarted when they end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from servicekit.logs import log

# How long to wait before each restart of a child that keeps ending soon after its start.
PAUSES_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
STEADY_AFTER_SECONDS = 30.0
TAKE_OVER_SECONDS = 10.0
DATA_DIR = "ISPOS_DATA_DIR"


class Child:
    """A Python module that runs as a separate process and is restarted whenever it ends.

    Its process id is kept in a file. If the parent is killed (kill -9), the child keeps working until the
    next start replaces it.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str], pid_file: Path
    ) -> None:
        self.name = name
        self.restarts = 0
        self._command = [sys.executable, "-m", *arguments]
        self._environ = dict(environ)
        self._pid_file = pid_file
        self._process: subprocess.Popen | None = None
        self._started_at = 0.0
        self._quick_deaths = 0
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        # In a new session, so that Ctrl-C reaches only the parent, which then stops its children in order.
        self._process = subprocess.Popen(  # noqa: S603  # our own command line
            self._command, env=self._environ, stdin=subprocess.DEVNULL, start_new_session=True
        )
        self._started_at = time.monotonic()
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.write_text(str(self._process.pid))

    def tend(self) -> int | None:
        """Restart it if it has ended and its pause is over. Returns the exit code if it has just ended."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._start_again(now)
            return None
        code = self._process.poll()
        if code is None:
            return None
        quick = now - self._started_at < STEADY_AFTER_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        self._start_at = now + PAUSES_SECONDS[min(self._quick_deaths, len(PAUSES_SECONDS) - 1)]
        self._process = None
        return code

    def _start_again(self, now: float) -> None:
        self.restarts += 1
        try:
            self.start()
        except OSError as error:  # out of memory, processes or disk space: may be temporary
            log.error("process cannot be started", name=self.name, error=str(error))
            self._start_at = now + PAUSES_SECONDS[-1]

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self, seconds: float) -> None:
        """Wait until it has ended, and kill it after `seconds`."""
        if self._process is not None:
            try:
                self._process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._pid_file.unlink(missing_ok=True)

    def replace_orphan(self) -> None:
        """Stop the process that a killed parent left running."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            if self._is_ours(process):
                process.terminate()
                if not _has_ended(process):
                    process.kill()
                    _has_ended(process)
        except (OSError, ValueError, psutil.Error):
            pass  # no such file or process, not a number, or another user's process
        self._pid_file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether it runs our command on our data. The id may have been reused by another process."""
        same_command = process.cmdline()[1:] == self._command[1:]
        return same_command and process.environ().get(DATA_DIR) == self._environ.get(DATA_DIR)


def _has_ended(process: psutil.Process) -> bool:
    """Wait for the end; False after a timeout. psutil's wait() needs select.poll, which eventlet removes."""
    deadline = time.monotonic() + TAKE_OVER_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
