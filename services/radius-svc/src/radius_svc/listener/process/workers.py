"""What the processes of the listener run. Each is built from its parts after the fork."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app, multiprocess
from servicekit.logs import log

from radius_svc.listener.accounting.receiver import AccountingReceiver
from radius_svc.listener.accounting.spool import Spool
from radius_svc.listener.accounting.store import AccountingStore
from radius_svc.listener.authentication.receiver import AuthenticationReceiver
from radius_svc.listener.authentication.session_watch import SessionWatch
from radius_svc.listener.database import ListenerDatabase
from radius_svc.listener.index.entries import Index
from radius_svc.listener.index.keeper import IndexKeeper
from radius_svc.listener.index.presence import Presence
from radius_svc.listener.process.settings import ListenerSettings
from radius_svc.listener.process.supervisor import OnReady, Part, run_parts
from radius_svc.listener.receiving.receiver import Shared
from radius_svc.listener.receiving.recorder import Recorder
from radius_svc.listener.stopping import Stopping

_RETRY_SECONDS = 1.0


class Worker:
    """A process that answers packets. Each part runs in its own thread."""

    def __init__(self, settings: ListenerSettings, name: str) -> None:
        """`name` identifies the heartbeat of this worker in the database."""
        self._settings = settings
        self._database, self._clock = ListenerDatabase(settings.database_url), settings.clock
        self._index, self._recorder = Index(), Recorder(self._database, self._clock)
        self._keeper = IndexKeeper(self._database, self._index, Presence(self._database, name))
        self._first: list[Callable[[], None]] = []
        self._parts: list[Part] = []
        self._shared = Shared(self._index, self._recorder, self._clock, settings.status_secret)

    def with_authentication(self, sock: socket.socket) -> Worker:
        """Add a receiver of Access-Requests."""
        watch = SessionWatch(self._database, self._clock)
        decrypt = self._settings.cipher.decrypt
        receiver = AuthenticationReceiver(sock, self._shared, decrypt=decrypt, watch=watch)
        self._first.append(watch.refresh_if_due)  # until then no login would be over its limit
        self._parts += [receiver.run, watch.run]
        return self

    def with_accounting(self, sock: socket.socket) -> Worker:
        """Add a receiver of Accounting-Requests."""
        store, spool = AccountingStore(self._database), _open_spool(self._settings.spool_dir)
        receiver = AccountingReceiver(sock, self._shared, store=store, spool=spool)
        self._parts.append(receiver.run)
        return self

    def with_part(self, part: Part) -> Worker:
        """Add another thread."""
        self._parts.append(part)
        return self

    def run(self, stopping: Stopping, on_ready: OnReady) -> None:
        """Run until the process must stop. Calls `on_ready` when packets are being answered."""
        while not stopping.is_set() and not self._keeper.load():
            stopping.wait(_RETRY_SECONDS)  # no matter how long the database takes
        if not stopping.is_set():
            for prepare in self._first:
                prepare()
            on_ready()
            run_parts(stopping, [*self._parts, self._keeper.run, self._recorder.run])
        self._database.close()


def show_metrics(sock: socket.socket, stopping: Stopping) -> None:
    """Serve the metrics of all workers together (Prometheus, HTTP) until the process must stop."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    server = _MetricsServer(sock)
    server.set_app(make_wsgi_app(registry))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    while not stopping.wait(_RETRY_SECONDS):
        pass
    server.shutdown()
    thread.join()


def _open_spool(folder: Path) -> Spool | None:
    try:
        return Spool(folder / "accounting.db")
    except (OSError, sqlite3.Error) as error:
        log.error("cannot open the spool: accounting waits while the database is down", error=str(error))
        return None


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Do not log requests of Prometheus."""


class _MetricsServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.getsockname()[:2], _Quiet, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.server_name, self.server_port = self.server_address[0], sock.getsockname()[1]  # type: ignore[assignment]
        self.setup_environ()
