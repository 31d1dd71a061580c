"""Health of a process: `/healthz` (it is alive and hears the bus), `/readyz` (it can work), `/metrics`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import eventlet
from eventlet import wsgi
from nameko.extensions import DependencyProvider
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from servicekit.logs import log
from servicekit.rpc import UNANSWERED, RpcTransport
from servicekit.runtime import SETTINGS_KEY
from servicekit.settings import SettingsError

PING_SECONDS = 2.0
# A process calls itself over the bus. If the broker accepted this many calls in a row and nobody answered
# them, the process no longer hears the bus. An outage of the broker only affects readiness.
MAX_MISSES = 5
SELF_CALL_INTERVAL_SECONDS = 10.0

Call = Callable[[str, str, dict, float], dict]


def ping(call: Call, service: str) -> dict[str, str]:
    """The state of each part of `service`, or why it gave no answer."""
    try:
        return call(service, "ping", {"args": {}}, PING_SECONDS)["ok"]
    except Exception as error:
        return {"service": str(error) or type(error).__name__}


def ping_all(call: Call, services: Iterable[str]) -> dict[str, str]:
    """Every part of every service, `service.part` -> "ok" or what is wrong. Pinged in parallel."""
    asked = {service: eventlet.spawn(ping, call, service) for service in services}
    return {
        f"{service}.{part}": state
        for service, answer in asked.items()
        for part, state in answer.wait().items()
    }


class HealthServer(DependencyProvider):
    """Serves the health pages of one service process on ISPOS_HEALTH_PORT, if that is set."""

    transport = RpcTransport()
    _port: int | None = None
    _threads: Sequence[Any] = ()

    def start(self) -> None:
        """Raises SettingsError if the port is in use."""
        self._misses = 0
        port = self.container.config[SETTINGS_KEY][self.container.service_name].health_port
        if port is not None and port not in _served_here:
            listening = _listen(port)
            _served_here.add(port)
            self._port = port
            self._threads = [eventlet.spawn(self._serve, listening), eventlet.spawn(self._call_ourselves)]

    def stop(self) -> None:
        _served_here.discard(self._port)
        for thread in self._threads:
            thread.kill()

    def kill(self) -> None:
        self.stop()

    def _serve(self, listening: Any) -> None:
        wsgi.server(listening, self._answer, log_output=False, max_size=20)

    def _call_ourselves(self) -> None:
        while True:
            started = time.monotonic()
            answer = ping(self.transport.call, self.container.service_name)
            deaf = UNANSWERED in answer.get("service", "")
            self._misses = self._misses + 1 if deaf else 0
            if self._misses == MAX_MISSES:
                log.error(
                    "process no longer receives messages from the bus", service=self.container.service_name
                )
            eventlet.sleep(max(0.0, SELF_CALL_INTERVAL_SECONDS - (time.monotonic() - started)))

    def _answer(self, environ: dict, start_response: Callable) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest()]
        if path == "/healthz":
            return _json(start_response, self._misses < MAX_MISSES, {"misses": self._misses})
        if path == "/readyz":
            parts = ping(self.transport.call, self.container.service_name)
            return _json(start_response, set(parts.values()) == {"ok"}, parts)
        start_response("404 Not Found", [])
        return []


# Several services in one process share its page. /readyz of the gateway pings all of them.
_served_here: set[int | None] = set()


def _listen(port: int) -> Any:
    try:
        # Without reuse_port=False, two processes would silently share the port.
        return eventlet.listen(("0.0.0.0", port), reuse_addr=True, reuse_port=False)
    except OSError as error:
        raise SettingsError(
            f"ISPOS_HEALTH_PORT: {port} cannot be used ({error.strerror}); use another port"
        ) from error


def _json(start_response: Callable, good: bool, content: dict) -> list[bytes]:
    status = "200 OK" if good else "503 Service Unavailable"
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(content).encode()]
