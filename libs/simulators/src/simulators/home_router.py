"""A subscriber's home router: it dials in, stays online, and redials when disconnected or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

from simulators.packets import Method
from simulators.pppoe_server import SimulatedNas
from simulators.sessions import Dial, NasSession, Outcome


class HomeRouter:
    """Use as a context manager, or `start()` and `close()`. `last_dial` is the latest dial-in's result."""

    def __init__(
        self,
        nas: SimulatedNas,
        username: str,
        password: str,
        method: Method | str = Method.MSCHAP2,
        *,
        backoff_seconds: float = 0.5,
        mac: str | None = None,
    ) -> None:
        self._nas = nas
        self.username = username
        self.password = password
        self._method = method
        self._backoff_seconds = backoff_seconds
        self._mac = mac
        self._closed = False
        self._thread: threading.Thread | None = None
        self.last_dial: Dial | None = None

    def start(self) -> HomeRouter:
        self._thread = threading.Thread(target=self._keep_dialing, name=f"home-{self.username}", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Switch it off. Its session ends with a Stop."""
        with self._nas.changed:
            self._closed = True
            self._nas.changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._nas.hang_up(self.username)

    def __enter__(self) -> HomeRouter:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def session(self) -> NasSession | None:
        """Its current session, if it is online."""
        session = self.last_dial.session if self.last_dial is not None else None
        return session if session is not None and session.online else None

    def wait_until(self, description: str, wanted: Callable[[HomeRouter], bool], timeout: float) -> None:
        """Wait for a condition. Raises TimeoutError with the description and the current state."""
        with self._nas.changed:
            if not self._nas.changed.wait_for(lambda: wanted(self), timeout):
                state = self.session or self.last_dial
                raise TimeoutError(f"{self.username} is not {description} after {timeout} s: {state}")

    def wait_online(self, timeout: float) -> NasSession:
        """Wait until it has a session, fenced or not."""
        self.wait_until("online", lambda router: router.session is not None, timeout)
        assert self.session is not None
        return self.session

    def wait_fenced(self, timeout: float, address_list: str | None = None) -> NasSession:
        """Wait until its session is on the named address list, or on any."""

        def fenced(router: HomeRouter) -> bool:
            listed = router.session.address_list if router.session is not None else None
            return listed is not None and address_list in (None, listed)

        self.wait_until("fenced", fenced, timeout)
        assert self.session is not None
        return self.session

    def wait_offline(self, timeout: float) -> None:
        """Wait until it has no session."""
        self.wait_until("offline", lambda router: router.session is None, timeout)

    def wait_rejected(self, timeout: float) -> Dial:
        """Wait until the server has refused it."""

        def rejected(router: HomeRouter) -> bool:
            return router.last_dial is not None and router.last_dial.outcome is Outcome.REJECTED

        self.wait_until("rejected", rejected, timeout)
        assert self.last_dial is not None
        return self.last_dial

    def _keep_dialing(self) -> None:
        while not self._closed:
            dial = self._nas.dial(self.username, self.password, self._method, mac=self._mac)
            with self._nas.changed:
                self.last_dial = dial
                self._nas.changed.notify_all()
                if self.session is not None:
                    self._nas.changed.wait_for(lambda: self._closed or self.session is None)
                else:
                    self._nas.changed.wait_for(lambda: self._closed, self._backoff_seconds)
