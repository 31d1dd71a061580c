"""Two ways to start a listener: by a fork, which is quick, and by the command that operators use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Starter:
    """Starts listeners; see starter.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("starter.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


class Forked:
    """A process of the starter, used like a Popen."""

    def __init__(self, starter: Starter, environment: dict[str, str], log: Path) -> None:
        log.touch()  # the reader may be faster than the process
        self._starter = starter
        self.pid: int = starter.ask(start=environment, log=str(log))
        self._returncode: int | None = None

    def poll(self) -> int | None:
        if self._returncode is None:
            self._returncode = self._starter.ask(poll=self.pid)
        return self._returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


Launch = Callable[[dict[str, str], Path], Forked | subprocess.Popen[bytes]]


def launch_command(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the listener as operators do."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "radius_svc", "listen"], env=environment, stderr=stream
        )
