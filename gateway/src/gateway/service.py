"""The gateway as a nameko service: a web server in a container that can call the other services."""

from __future__ import annotations

import errno
from contextlib import suppress
from datetime import timedelta

import eventlet
from eventlet import wsgi
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import timer
from servicekit import leases
from servicekit.health import HealthServer
from servicekit.ids import new_id
from servicekit.logs import log
from servicekit.rpc import RpcTransport
from servicekit.runtime import RuntimeExtension
from servicekit.settings import ServiceSettings

from gateway.app import make_app
from gateway.clients.context import EXTENSION, Gateway
from gateway.http import health, held_forms, idempotency
from gateway.identity import first_owner, login_sessions, throttle
from gateway.settings import GatewaySettings

MAX_CONNECTIONS = 200
BACKLOG = 512
# A connection that sends nothing for this long is closed, because it holds one of the 200.
SOCKET_SECONDS = 60
STOP_SECONDS = 10
UPKEEP_LEASE = timedelta(minutes=10)


class CannotListen(Exception):
    """The HTTP port is in use or not allowed; the message says which, and what to do."""


class WebServer(DependencyProvider):
    """Owns the listening socket and the Flask app; what it injects is the app's Gateway."""

    transport = RpcTransport()
    shared = RuntimeExtension()

    def setup(self) -> None:
        runtime = self.shared.runtime
        self._app = make_app(runtime.settings, runtime.clock, runtime.database, self.transport.call)
        self._gateway: Gateway = self._app.extensions[EXTENSION]

    def start(self) -> None:
        """Raises CannotListen."""
        settings = self._gateway.settings
        self._socket = listen(settings.http_host, settings.http_port)
        address = first_owner.prepare(self._gateway)
        if address is not None and not settings.embedded:
            print(f"Create the first owner account: {address}", flush=True)
        self._connections = eventlet.GreenPool(MAX_CONNECTIONS)
        self._server = eventlet.spawn(self._serve)
        log.info("listening", host=settings.http_host, port=settings.http_port)

    def stop(self) -> None:
        """Accept no more connections, close idle ones, and let requests in progress finish."""
        self._server.kill()
        self._socket.close()
        with eventlet.Timeout(STOP_SECONDS, False):
            self._connections.waitall()
        self._gateway.pdf.close()

    def get_dependency(self, _worker_ctx: object) -> Gateway:
        return self._gateway

    def _serve(self) -> None:
        wsgi.server(
            self._socket,
            self._app,
            # eventlet ends the input with the body; without this, werkzeug treats a chunked body as empty.
            environ={"wsgi.input_terminated": True},
            custom_pool=self._connections,
            keepalive=SOCKET_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            log_output=False,
            debug=False,
        )


class GatewayService:
    """Serves only `ping` on the bus; the work comes in over HTTP."""

    name = "gateway"
    settings_type: type[ServiceSettings] = GatewaySettings
    web: Gateway = WebServer()  # type: ignore[assignment]  # nameko injects what it provides
    health_server = HealthServer()

    @rpc
    def ping(self, _request: dict) -> dict:
        """Whether the gateway can work: {"ok": {part: "ok" or what is wrong}}."""
        return {"ok": {"database": health.database_state(self.web)}}

    @timer(interval=600)
    def upkeep(self) -> None:
        """Delete expired keys, sessions, attempts and held forms."""
        held = leases.holding(self.web.database, "upkeep", new_id(), UPKEEP_LEASE)
        with suppress(leases.LeaseTaken), held as session:
            for part in (idempotency, login_sessions, throttle, held_forms):
                part.forget_old(self.web, session)


def listen(host: str, port: int) -> eventlet.greenio.GreenSocket:
    try:
        # Without reuse_port=False a second gateway would quietly share the port of the first.
        return eventlet.listen((host, port), backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        reason = {
            errno.EADDRINUSE: "another program uses it",
            errno.EACCES: "this user may not use it",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }.get(error.errno or 0, str(error))
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason}; "
            "choose others with ISPOS_HTTP_HOST and ISPOS_HTTP_PORT"
        ) from error
