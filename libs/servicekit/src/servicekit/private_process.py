"""What the private servers (RabbitMQ, PostgreSQL) of tests and trial runs have in common."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

# Below the range Linux takes the ports of outgoing connections from (32768 up, also with 20 000 added), so
# that nothing slips in between finding a port and listening on it.
FREE_PORTS = range(10_240, 12_768)
# Test processes that run side by side (`make test` numbers them) each have a part of the range: none takes
# a port between another's finding it and listening on it.
SIDE_BY_SIDE = 4
# The ports given out last: who asks for several listens on the first of them later.
_given: deque[int] = deque(maxlen=100)


class PrivateServerError(Exception):
    """A private server could not be started or stopped; the message says which and shows its last words."""


def find_free_port(*, also: Sequence[int] = ()) -> int:
    """A loopback port nobody listens on (TCP and UDP), and another one each time; likewise the ports that lie
    the distances `also` above it."""
    part = int(os.environ.get("ISPOS_TEST_PART", "0"))
    ours = FREE_PORTS[part % SIDE_BY_SIDE :: SIDE_BY_SIDE]
    for port in random.sample(ours, len(ours)):
        if port not in _given and all(_is_free(port + distance) for distance in (0, *also)):
            _given.append(port)
            return port
    raise PrivateServerError(f"no free port in {FREE_PORTS}")


def _is_free(port: int) -> bool:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        # As servers do: a port in TIME_WAIT is free.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            stream.bind(("127.0.0.1", port))
            datagrams.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def end_orphan(pid_file: Path, mark: str, number: signal.Signals, *, seconds: float) -> None:
    """End the server that a killed parent left behind: the first line of `pid_file` names it.

    Only if `mark` stands in its command line: the number may have been given to another process since.
    """
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if mark not in " ".join(process.cmdline()):
            return
        process.send_signal(number)
        # Not process.wait(): it needs select.poll, which is gone where eventlet made things cooperative.
        if not wait_until(lambda: _has_ended(process), seconds=seconds):
            process.kill()
            wait_until(lambda: _has_ended(process), seconds=seconds)
    except (OSError, ValueError, IndexError, psutil.Error):
        return


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
