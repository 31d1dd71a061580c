"""Puts the listener together and runs it until SIGTERM or SIGINT."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import start_http_server
from servicekit.clock import clock_from_environment
from servicekit.logs import log
from servicekit.secrets import FieldCipher

from radius_svc.listener.accounting import AccountingStore
from radius_svc.listener.database import Database
from radius_svc.listener.index import Index
from radius_svc.listener.keeper import IndexKeeper
from radius_svc.listener.presence import Presence
from radius_svc.listener.recorder import Recorder
from radius_svc.listener.server import AccountingReceiver, AuthenticationReceiver, bind

EXIT_CONFIGURATION = 2

# A commit's Python work must not keep an Access-Request waiting for the interpreter.
_SWITCH_SECONDS = 0.001
_RETRY_SECONDS = 1.0


class ConfigurationError(Exception):
    """The listener cannot start as configured; the text says which variable and what to do."""


@dataclass(frozen=True)
class ListenerSettings:
    database_url: str = field(repr=False)
    cipher: FieldCipher = field(repr=False)
    host: str
    auth_port: int
    acct_port: int
    metrics_port: int | None
    status_secret: bytes | None = field(repr=False)


def read_listener_settings(environ: Mapping[str, str] = os.environ) -> ListenerSettings:
    """Only what the listener itself needs: it starts without the other services' settings.

    Raises ConfigurationError.
    """
    if not environ.get("RADIUS_DATABASE_URL"):
        raise ConfigurationError("RADIUS_DATABASE_URL: is not set; use sqlite:////path or postgresql://...")
    try:
        cipher = FieldCipher(environ.get("ISPOS_ENCRYPTION_KEY", ""))
    except ValueError as error:
        raise ConfigurationError(f"ISPOS_ENCRYPTION_KEY: cannot be used: {error}") from None
    metrics_port = environ.get("ISPOS_RADIUS_METRICS_PORT")
    return ListenerSettings(
        database_url=environ["RADIUS_DATABASE_URL"],
        cipher=cipher,
        host=environ.get("ISPOS_RADIUS_HOST") or "0.0.0.0",
        auth_port=_port(environ, "ISPOS_RADIUS_AUTH_PORT", 1812),
        acct_port=_port(environ, "ISPOS_RADIUS_ACCT_PORT", 1813),
        metrics_port=_port(environ, "ISPOS_RADIUS_METRICS_PORT", 0) if metrics_port else None,
        status_secret=environ.get("ISPOS_RADIUS_STATUS_SECRET", "").encode() or None,
    )


def main() -> int:
    """Run the listener; returns the exit code. 2 means that it cannot start as configured."""
    try:
        settings = read_listener_settings()
        auth_socket = _bind(settings.host, settings.auth_port, "ISPOS_RADIUS_AUTH_PORT")
        acct_socket = _bind(settings.host, settings.acct_port, "ISPOS_RADIUS_ACCT_PORT")
        _serve_metrics(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIGURATION
    termination = Termination()
    stopping = threading.Event()
    sys.setswitchinterval(_SWITCH_SECONDS)

    database = Database(settings.database_url)
    index, recorder, clock = Index(), Recorder(database), clock_from_environment()
    shared = {
        "index": index,
        "recorder": recorder,
        "clock": clock,
        "status_secret": settings.status_secret,
    }
    authentication = AuthenticationReceiver(auth_socket, decrypt=settings.cipher.decrypt, **shared)
    accounting = AccountingReceiver(acct_socket, store=AccountingStore(database), **shared)
    presence = Presence(database, f"{socket.gethostname()}:{auth_socket.getsockname()[1]}")
    keeper = IndexKeeper(database, index, presence, stopping)
    if _loaded(keeper, termination):
        gc.collect()
        gc.freeze()  # the index outlives every collection: do not walk it each time
        log.info(
            "radius listener ready",
            auth_port=auth_socket.getsockname()[1],
            acct_port=acct_socket.getsockname()[1],
            accounts=len(index.accounts),
            nas=len(index.nas),
        )
        _run_together(
            termination,
            stopping,
            authentication=lambda: authentication.run(stopping),
            accounting=lambda: accounting.run(stopping),
            index=keeper.run,
        )
    for sock in (auth_socket, acct_socket):
        sock.close()
    database.close()
    log.info("radius listener stopped")
    return 0


class Termination:
    """SIGTERM and SIGINT as something to wait for.

    A handler that sets an Event can meet the main thread holding the Event's lock, and wait for ever.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno())

    def wait(self, seconds: float) -> bool:
        """Whether the process was told to end within this time."""
        return bool(select.select([self._reader], [], [], seconds)[0])


def _loaded(keeper: IndexKeeper, termination: Termination) -> bool:
    """Fill the index, however long the database takes; False if told to end before that."""
    while not keeper.load():
        if termination.wait(_RETRY_SECONDS):
            return False
    return True


def _run_together(termination: Termination, stopping: threading.Event, **parts: Callable[[], None]) -> None:
    """A thread for each part. One that ends takes the others along: half a listener is worse than none."""

    def run(part: Callable[[], None]) -> None:
        try:
            part()
        finally:
            stopping.set()

    threads = [threading.Thread(target=run, args=(part,), name=name) for name, part in parts.items()]
    for thread in threads:
        thread.start()
    while not stopping.is_set():
        if termination.wait(_RETRY_SECONDS):
            stopping.set()
    for thread in threads:
        thread.join()


def _serve_metrics(settings: ListenerSettings) -> None:
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port)
    except OSError as error:
        raise ConfigurationError(
            f"ISPOS_RADIUS_METRICS_PORT: cannot listen on {settings.metrics_port}: {error.strerror}"
        ) from None


def _bind(host: str, port: int, variable: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from None


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise ConfigurationError(f"{name}: {value!r} is not a port; use a number up to 65535")
    return int(value)
