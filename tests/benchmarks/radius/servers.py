"""The base of both servers under test, and our server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from servicekit.private_process import find_free_port, tail, wait_until

from tests.benchmarks.radius.asking import Asker

START_SECONDS = 60
STOP_SECONDS = 30


class Server:
    """A context manager: a child process that answers RADIUS on two loopback ports."""

    name: str

    def __init__(self, log: Path, asker: Asker) -> None:
        self.auth_port, self.acct_port = find_free_port(), find_free_port()
        self._log = log
        self._asker = asker
        self._process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0

    def command(self) -> list[str]:
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        return {}

    def __enter__(self) -> Server:
        """Start it, and return when the first login has been answered."""
        began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(), env=os.environ | self.environ(), stdout=log, stderr=log
            )
        if not wait_until(self._answers, seconds=START_SECONDS):
            self.__exit__()
            raise RuntimeError(f"{self.name} does not answer:\n{tail(self._log)}")
        self.start_seconds = time.monotonic() - began
        self._asker.wait_for_every_worker(self.auth_port)
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for process in [*psutil.Process(self._process.pid).children(recursive=True), self._process]:
                process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def ports(self) -> dict[str, int]:
        return {"auth_port": self.auth_port, "acct_port": self.acct_port}

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{tail(self._log)}")
        return self._asker.is_answered(self.auth_port)


class Ours(Server):
    def __init__(
        self, log: Path, asker: Asker, *, database_url: str, key: str, workers: int, data_dir: Path
    ) -> None:
        super().__init__(log, asker)
        self.name = f"ISP-OS, {workers} worker{'s' if workers > 1 else ''}"
        self._environ = {
            "RADIUS_DATABASE_URL": database_url,
            "ISPOS_ENCRYPTION_KEY": key,
            "ISPOS_RADIUS_HOST": "127.0.0.1",
            "ISPOS_RADIUS_AUTH_PORT": str(self.auth_port),
            "ISPOS_RADIUS_ACCT_PORT": str(self.acct_port),
            "ISPOS_RADIUS_WORKERS": str(workers),
            "ISPOS_DATA_DIR": str(data_dir),
        }

    def command(self) -> list[str]:
        return [sys.executable, "-m", "radius_svc", "listen"]

    def environ(self) -> dict[str, str]:
        return self._environ
