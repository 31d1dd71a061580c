"""Ends of processes: what a signal handler may touch, and what can be waited for."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable

_STEP_SECONDS = 0.05
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Whether this process is to end: told to, or left alone by the one that started it.

    A plain flag: what a signal handler sets must take no lock.
    """

    def __init__(self, alive: Callable[[], bool] = lambda: True) -> None:
        """`alive` is asked by whoever waits: whether there is still somebody to work for."""
        self._asked = False
        self._alive = alive

    def is_set(self) -> bool:
        return self._asked

    def set(self, *_signal: object) -> None:
        self._asked = True

    def wait(self, seconds: float) -> bool:
        """At most so long; whether the process is to end."""
        until = time.monotonic() + seconds
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_SECONDS))
            if not self._alive():
                self._asked = True
        return self._asked


class Termination:
    """SIGTERM and SIGINT as something to select on, for a process that waits for other things too."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno())

    def wait(self, seconds: float) -> bool:
        """Whether the process was told to end within this time."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def leave_to_parent(self, stopping: Stopping) -> None:
        """In a child after a fork: it has signals of its own, which set `stopping`."""
        signal.set_wakeup_fd(-1)
        _set_by_signals(stopping)
        self._reader.close()
        self._writer.close()


def stopping_by_signal() -> Stopping:
    """For a process without children."""
    stopping = Stopping()
    _set_by_signals(stopping)
    return stopping


def _set_by_signals(stopping: Stopping) -> None:
    for number in SIGNALS:
        signal.signal(number, stopping.set)
