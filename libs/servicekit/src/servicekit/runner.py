"""Runs any number of services in one process, on the embedded bus or on a broker."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import eventlet
from nameko.runners import ServiceRunner

from servicekit import inbox, membus, nameko_patches
from servicekit.clock import machine_now
from servicekit.db import Database
from servicekit.logs import configure_logging, log
from servicekit.rpc import Named
from servicekit.runtime import SETTINGS_KEY
from servicekit.settings import ServiceSettings, SettingsError, read_settings

MAX_WORKERS = 50
MAX_STOP_SECONDS = 30


class Configured(Named, Protocol):
    """A service class that says which settings it reads."""

    settings_type: type[ServiceSettings]


def config_of(*settings: ServiceSettings) -> dict[str, Any]:
    """nameko's configuration for services with these settings, all on one bus."""
    by_service = {one.service: one for one in settings}
    return {"AMQP_URI": settings[0].amqp_url, "max_workers": MAX_WORKERS, SETTINGS_KEY: by_service}


class Host:
    """The services of this process."""

    def __init__(self, service_classes: Sequence[type[Named]], settings: Iterable[ServiceSettings]) -> None:
        """`settings` are those of each service, in any order."""
        membus.register()
        nameko_patches.apply()
        self._runner = ServiceRunner(config=config_of(*settings))
        for service_class in service_classes:
            self._runner.add_service(service_class)

    def start(self) -> None:
        self._runner.start()
        gc.freeze()  # what was loaded stays: the garbage collector no longer visits it, not even on exit

    def wait(self) -> None:
        """Return once stopped. Raises the exception of a service that failed."""
        self._runner.wait()

    def stop(self) -> None:
        """Let running work finish, for at most MAX_STOP_SECONDS."""
        with eventlet.Timeout(MAX_STOP_SECONDS, False):
            self._runner.stop()
            return
        log.warning("work did not finish in time; stopping anyway", seconds=MAX_STOP_SECONDS)
        self._runner.kill()


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` once, in a greenthread, on SIGTERM or SIGINT (Ctrl-C)."""

    def on_signal(_number: int, _frame: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        eventlet.spawn_n(stop)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def main(service_class: type[Configured], package: str, jobs: dict[str, Callable] | None = None) -> None:
    """The command line of a service: serve | migrate | dead-letters [replay] | <a job>.

    A job is called with (settings, arguments).
    """
    commands = ["serve", "migrate", "dead-letters", *(jobs or {})]
    arguments = sys.argv[1:] or ["serve"]
    if arguments[0] not in commands:
        sys.exit(f"usage: python -m {package} {' | '.join(commands)}")
    try:
        settings = read_settings(service_class.settings_type, service=service_class.name)
    except SettingsError as error:
        sys.exit(str(error))
    configure_logging(package, settings.log_level)
    if arguments[0] == "serve":
        serve(service_class, settings)
    elif arguments[0] == "migrate":
        from servicekit.migrations import migrate  # loads Alembic, which serving does without

        migrate(Database(settings.database_url), package)
    elif arguments[0] == "dead-letters":
        dead_letters(Database(settings.database_url), replay="replay" in arguments)
    else:
        (jobs or {})[arguments[0]](settings, arguments[1:])


def serve(service_class: type[Named], settings: ServiceSettings) -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    host = Host([service_class], [settings])
    host.start()
    stop_on_signals(host.stop)
    log.info("started", service=service_class.name)
    host.wait()
    log.info("stopped")


def dead_letters(database: Database, *, replay: bool) -> None:
    """Print the dead letters of a service; with `replay`, queue them to be tried again."""
    with database.transaction() as session:
        for letter in inbox.dead_letters(session):
            age = machine_now() - letter.received_at
            print(f"{letter.event_id}  {letter.type}  {letter.subject}  {age}  {letter.error}")
        if replay:
            print(f"{inbox.replay_dead_letters(session)} queued to be tried again")
