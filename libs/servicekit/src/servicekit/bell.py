"""Wakes a greenthread that sleeps until there is work."""

from __future__ import annotations

import eventlet
from eventlet.event import Event


class Bell:
    """Anyone can ring it, any number of times. One greenthread waits for it, up to a given time."""

    def __init__(self) -> None:
        self._rung = Event()

    def ring(self) -> None:
        if not self._rung.ready():
            self._rung.send(None)

    def wait(self, seconds: float) -> bool:
        """True if it rang since the last wait, False if the time is over."""
        timer = eventlet.Timeout(seconds)
        try:
            self._rung.wait()
            return True
        except eventlet.Timeout as fired:
            if fired is not timer:
                raise
            return self._rung.ready()  # rung in the same turn of the event loop
        finally:
            timer.cancel()
            self._rung = Event()
