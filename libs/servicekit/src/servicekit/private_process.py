"""What private servers (RabbitMQ, PostgreSQL) have in common. They are for tests and trial runs."""

from __future__ import annotations

import random
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

# Below the range from which Linux takes the ports of outgoing connections (32768 and up), even with 20,000
# added, so that none of those gets the port before the server listens on it.
FREE_PORTS = range(10_240, 12_768)
# Ports given out last. Each stays reserved while others are given out, since a caller that asks for several
# listens on the first of them later.
MAX_RESERVED = 100
_reserved: deque[socket.socket] = deque()


class PrivateServerError(Exception):
    """A private server could not be started or stopped. The message says which, with the end of its log."""


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
        # As servers do, so that a port in TIME_WAIT counts as free.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            stream.bind(("127.0.0.1", port))
            datagrams.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def end_orphan(pid_file: Path, mark: str, number: signal.Signals, *, seconds: float) -> None:
    """End the server that a killed parent left behind. Its process id is the first line of `pid_file`.

    Only if `mark` is in its command line, since another process can have got the same id.
    """
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if mark not in " ".join(process.cmdline()):
            return
        process.send_signal(number)
        # Not process.wait(): it needs select.poll, which eventlet.monkey_patch() removes.
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
    """Whether the condition became true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
