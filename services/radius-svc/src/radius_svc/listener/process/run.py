"""Runs the listener until SIGTERM or SIGINT."""

from __future__ import annotations

import socket
import sys
from functools import partial

from servicekit.logs import configure_logging, log
from servicekit.settings import SettingsError, read_settings

from radius_svc.listener.process.settings import ListenerSettings
from radius_svc.listener.process.sockets import bind
from radius_svc.listener.process.supervisor import OnReady, Supervisor
from radius_svc.listener.process.workers import Worker, show_metrics
from radius_svc.listener.stopping import Stopping, Termination, stopping_by_signal

EXIT_CONFIGURATION = 2

# Threads that read rows must not make an Access-Request wait for the interpreter.
_SWITCH_SECONDS = 0.0001


def main() -> int:
    """Run the listener. Returns the exit code: 2 means that it cannot start with this configuration."""
    try:
        settings = read_settings(ListenerSettings)
        auth_sockets = _bind(settings.host, settings.auth_port, "ISPOS_RADIUS_AUTH_PORT", settings.workers)
        (acct_socket,) = _bind(settings.host, settings.acct_port, "ISPOS_RADIUS_ACCT_PORT", 1)
        metrics_socket = _metrics_socket(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIGURATION
    configure_logging("radius-listener", settings.log_level)
    sys.setswitchinterval(_SWITCH_SECONDS)
    ports = {
        "auth_port": auth_sockets[0].getsockname()[1],
        "acct_port": acct_socket.getsockname()[1],
    }
    place = f"{socket.gethostname()}:{ports['auth_port']}"

    def ready() -> None:
        log.info("radius listener ready", **ports, workers=settings.workers)

    if settings.workers == 1:
        worker = Worker(settings, place).with_authentication(auth_sockets[0]).with_accounting(acct_socket)
        if metrics_socket is not None:
            worker.with_part(partial(show_metrics, metrics_socket))
        worker.run(stopping_by_signal(), ready)
    else:
        supervisor = Supervisor(Termination())
        for number, auth_socket in enumerate(auth_sockets):
            name = f"authentication-{number}"
            supervisor.add(name, partial(_authenticate, settings, f"{place}/{name}", auth_socket))
        # Always one: what several would gain, they would lose in smaller commits.
        supervisor.add("accounting", partial(_account, settings, f"{place}/accounting", acct_socket))
        if metrics_socket is not None:
            supervisor.add("metrics", partial(_show_metrics, metrics_socket))
        supervisor.run(ready)
    log.info("radius listener stopped")
    return 0


def _authenticate(
    settings: ListenerSettings,
    name: str,
    sock: socket.socket,
    stopping: Stopping,
    on_ready: OnReady,
) -> None:
    Worker(settings, name).with_authentication(sock).run(stopping, on_ready)


def _account(
    settings: ListenerSettings,
    name: str,
    sock: socket.socket,
    stopping: Stopping,
    on_ready: OnReady,
) -> None:
    Worker(settings, name).with_accounting(sock).run(stopping, on_ready)


def _show_metrics(sock: socket.socket, stopping: Stopping, on_ready: OnReady) -> None:
    on_ready()
    show_metrics(sock, stopping)


def _metrics_socket(settings: ListenerSettings) -> socket.socket | None:
    """Bind the port at the start, so that a port in use is reported then."""
    if settings.metrics_port is None:
        return None
    try:
        return socket.create_server(("", settings.metrics_port))
    except OSError as error:
        raise SettingsError(
            f"ISPOS_RADIUS_METRICS_PORT: cannot listen on {settings.metrics_port}: {error.strerror}"
        ) from None


def _bind(host: str, port: int, variable: str, count: int) -> list[socket.socket]:
    try:
        return bind(host, port, workers=count)
    except OSError as error:
        raise SettingsError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from None
