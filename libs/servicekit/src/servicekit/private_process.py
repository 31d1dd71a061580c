"""What the private servers (RabbitMQ, PostgreSQL) of tests and trial runs have in common."""

from __future__ import annotations

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
# Ports given out last. Each stays reserved while others are given out, since a caller that asks for several
# listens on the first of them later.
MAX_RESERVED = 100
_reserved: deque[socket.socket] = deque()


class PrivateServerError(Exception):
    """A private server could not be started or stopped; the message says which and shows its last words."""


def find_free_port(*, also: Sequence[int] = ()) -> int:
    """A loopback port that nothing listens on (TCP and UDP) and that no other process was given.

    The ports at the distances `also` above it are free as well. Raises PrivateServerError if there is none.
    """
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if all(_is_free(port + distance) for distance in (0, *also)) and _reserve(port):
            return port
    raise PrivateServerError(f"no free port in {FREE_PORTS}")


def _reserve(port: int) -> bool:
    """Whether nobody else has reserved the port; it is ours until we have reserved MAX_RESERVED others.

    Without this, test processes that run at the same time would take a port between another's finding it and
    listening on it. The name of an abstract socket belongs to one process, and is free again when that ends.
    """
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0isp-os-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reserved.append(reservation)
    if len(_reserved) > MAX_RESERVED:
        _reserved.popleft().close()
    return True


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
