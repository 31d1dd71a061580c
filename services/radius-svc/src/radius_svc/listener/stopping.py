"""Stopping processes: flags that signal handlers set and that others can wait for."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable

_STEP_SECONDS = 0.05
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Whether this process must stop: because of a signal, or because its parent process is gone.

    A plain flag, because a signal handler must not take a lock.
    """

    def __init__(self, alive: Callable[[], bool] = lambda: True) -> None:
        """`alive` is called while waiting: whether the parent process still exists."""
        self._asked = False
        self._alive = alive

    def is_set(self) -> bool:
        return self._asked

    def set(self, *_signal: object) -> None:
        self._asked = True

    def wait(self, seconds: float) -> bool:
        """Wait until the process must stop, but not longer than this. Returns whether it must stop."""
        until = time.monotonic() + seconds
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_SECONDS))
            if not self._alive():
                self._asked = True
        return self._asked


class Termination:
    """SIGTERM and SIGINT as a socket to select on, for a process that also waits for other things."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno())

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, but not longer than this. Returns whether there was one."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def leave_to_parent(self, stopping: Stopping) -> None:
        """In a child after a fork: let signals set its own `stopping` instead."""
        signal.set_wakeup_fd(-1)
        _set_by_signals(stopping)
        self._reader.close()
        self._writer.close()


def stopping_by_signal() -> Stopping:
    """A flag set by SIGTERM and SIGINT, for a process without children."""
    stopping = Stopping()
    _set_by_signals(stopping)
    return stopping


def _set_by_signals(stopping: Stopping) -> None:
    for number in SIGNALS:
        signal.signal(number, stopping.set)
