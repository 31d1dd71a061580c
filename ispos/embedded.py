"""Runs all services in one process: in-process bus, one SQLite file each, RADIUS listener as a child."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import eventlet
from billing_svc.service import BillingService
from gateway.service import GatewayService
from payment_svc.service import PaymentService
from radius_svc.queries import listeners
from radius_svc.service import RadiusService
from router_svc.service import RouterService
from servicekit.db import Database
from servicekit.logs import log
from servicekit.migrations import migrate
from servicekit.runner import Host, stop_on_signals
from subscriber_svc.service import SubscriberService

from ispos.banner import banner
from ispos.preflight import CannotStart, check_ports, data_dir_held
from ispos.processes import Child
from ispos.services import PACKAGES
from ispos.settings import LISTENER, Installation, environ_for

SERVICES = (SubscriberService, BillingService, PaymentService, RouterService, RadiusService, GatewayService)
TEND_SECONDS = 0.2
LISTENER_READY_SECONDS = 20.0
LISTENER_STOP_SECONDS = 10.0
EXIT_CONFIGURATION = 2


def run(
    settings: Installation,
    *,
    when_ready: Callable[[], None] = lambda: None,
    before_stop: Callable[[], None] = lambda: None,
) -> None:
    """Migrate, start, print the addresses, and serve until SIGTERM or Ctrl-C.

    Raises CannotStart if something prevents the start.
    """
    with data_dir_held(settings.data_dir):
        listener = _listener(settings)
        listener.replace_orphan()
        check_ports(settings)
        for service, package in PACKAGES.items():
            migrate(Database(settings.services[service].database_url), package)
        with _kept_up(listener, wanted=not settings.radius.freeradius_in_front) as stopping:
            host = Host(SERVICES, settings.services.values())
            host.start()

            def stop() -> None:
                stopping.append(True)
                print("Stopping ...", flush=True)
                before_stop()
                listener.ask_to_stop()
                host.stop()

            stop_on_signals(stop)
            if not settings.radius.freeradius_in_front:
                _wait_for_listener(settings, stopping)
            if not stopping:
                print(banner(settings), flush=True)
                when_ready()
            host.wait()
        print("Stopped.", flush=True)


@contextmanager
def _kept_up(listener: Child, *, wanted: bool) -> Iterator[list[bool]]:
    """Start the listener if wanted, restart it whenever it ends, and stop it on exit.

    Append to the list before stopping the system: from then on the listener is not restarted.
    """
    stopping: list[bool] = []
    if wanted:
        listener.start()
        eventlet.spawn_n(_tend, listener, stopping)
    try:
        yield stopping
    finally:
        stopping.append(True)
        listener.ask_to_stop()
        listener.wait_stopped(LISTENER_STOP_SECONDS)


def _listener(settings: Installation) -> Child:
    environ = {
        **environ_for(LISTENER, os.environ),
        "RADIUS_DATABASE_URL": settings.listener.database_url,
        "ISPOS_DATA_DIR": str(settings.data_dir),
    }
    return Child(LISTENER, ["radius_svc", "listen"], environ, settings.data_dir / f"{LISTENER}.pid")


def _tend(listener: Child, stopping: list[bool]) -> None:
    while not stopping:
        code = listener.tend()
        if code is not None and not stopping:
            log.error("RADIUS listener ended; restarting it", exit_code=code)
        eventlet.sleep(TEND_SECONDS)


def _wait_for_listener(settings: Installation, stopping: list[bool]) -> None:
    """Return when the listener is ready or the system is stopping. Raises CannotStart after a timeout."""
    database = Database(settings.radius.database_url)
    deadline = time.monotonic() + LISTENER_READY_SECONDS
    state = ""
    while not stopping:
        if time.monotonic() > deadline:
            raise CannotStart(f"The RADIUS listener did not start: {state}. See the messages above.")
        with database.reading() as session:
            state = listeners.health(session)
        if state == "ok":
            return
        eventlet.sleep(0.02)
