"""Compile and run the load generator (load.c), and read its results."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.radius.packets import Request
from tests.benchmarks.radius.population import Router

SOURCES = [Path(__file__).with_name(name) for name in ("load.c", "packet.c", "md5.c")]
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
WINDOW = 32


@dataclass(frozen=True)
class Latency:
    """Latency of the answered requests of one kind, in milliseconds."""

    answered: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    worst_second_p99_ms: float


@dataclass(frozen=True)
class Load:
    """The results of the generator. A request with a forged answer counts as unanswered."""

    access: Latency
    accounting: Latency
    sent: int
    answered: int
    lost: int
    retransmitted: int
    wrong: int
    forged: int
    unsigned: int
    stray: int
    held_back: int
    seconds: float
    per_second: float
    processor_us: float

    @classmethod
    def of(cls, line: str) -> Load:
        said: dict[str, Any] = json.loads(line)
        access, accounting = Latency(**said.pop("access")), Latency(**said.pop("accounting"))
        return cls(access=access, accounting=accounting, **said)

    @property
    def latency(self) -> Latency:
        """The latency of the only kind of request that was sent."""
        assert not (self.access.answered and self.accounting.answered)
        return self.access if self.access.answered else self.accounting


class Generator:
    """Compiled into `directory`, which also has the request files."""

    def __init__(self, directory: Path, clients: Sequence[Router]) -> None:
        """Raises subprocess.CalledProcessError without a suitable C compiler."""
        self._directory = directory
        self._program = directory / "load"
        self._clients = [f"--client={router.address}={router.secret}" for router in clients]
        subprocess.run(["cc", *FLAGS, "-o", self._program, *SOURCES], check=True)

    def write(self, name: str, requests: Iterable[Request]) -> Path:
        path = self._directory / f"{name}.requests"
        with path.open("wb") as file:
            file.writelines(request.record() for request in requests)
        return path

    def begin(self, requests: Path, *, auth_port: int = 0, acct_port: int = 0, **options: float) -> Running:
        """Start it, and return when the first request is due.

        Options are those of load.c, with `window` or `rate`."""
        ports = [f"--auth-port={auth_port}", f"--acct-port={acct_port}"]
        more = [f"--{name}={value}" for name, value in options.items()]
        process = subprocess.Popen(
            [self._program, f"--requests={requests}", *self._clients, *ports, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        running.wait_sending()
        return running

    def run(self, requests: Path, **options: Any) -> Load:
        return self.begin(requests, **options).result()


class Running:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_sending(self) -> None:
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        if line != "sending\n":
            self._process.wait()
            raise RuntimeError(line + self._rest(self._process.stderr))

    def result(self) -> Load:
        """Wait until every request is answered or given up. Raises RuntimeError if the generator failed."""
        said, complaint = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(complaint)
        return Load.of(said)

    def is_sending(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> Load:
        """Stop sending, but wait for outstanding answers."""
        self._process.send_signal(signal.SIGINT)
        return self.result()

    @staticmethod
    def _rest(stream: IO[str]) -> str:
        return stream.read()
