"""python -m ispos run | demo | run-distributed | dead-letters [SERVICE [replay]] | rescue-operator EMAIL"""

import servicekit.green  # noqa: F401, I001  # must come first

import os
import signal
import sys
from typing import Any

from servicekit.settings import SettingsError

from ispos.keys import prepare_data_dir, read_kept
from ispos.preflight import CannotStart
from ispos.settings import Installation, read_installation

EXIT_CONFIGURATION = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    arguments = sys.argv[1:] or ["run"]
    commands = {
        "run": run,
        "demo": demo,
        "run-distributed": run_distributed,
        "dead-letters": dead_letters,
        "rescue-operator": rescue_operator,
    }
    if arguments[0] not in commands:
        sys.exit(f"usage: python -m ispos {' | '.join(commands)}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    try:
        commands[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        print("Stopped before startup finished.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except (SettingsError, CannotStart) as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION)


def interrupt(_number: int, _frame: Any) -> None:
    """Handle SIGTERM or Ctrl-C during startup: stop what was started, and ignore further signals."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(_arguments: list[str]) -> None:
    from ispos import embedded

    embedded.run(_settings())


def demo(_arguments: list[str]) -> None:
    from ispos import demo

    demo.run()


def run_distributed(_arguments: list[str]) -> None:
    from ispos import distributed

    distributed.run(prepare_data_dir())


def dead_letters(arguments: list[str]) -> None:
    """List the events that services gave up on. `replay` queues them for another try."""
    from servicekit.db import Database
    from servicekit.runner import dead_letters

    replay = "replay" in arguments
    for service, settings in _settings_of_running_system().services.items():
        if service in arguments or not set(arguments) - {"replay"}:
            print(f"{service}:")
            dead_letters(Database(settings.database_url), replay=replay)


def rescue_operator(arguments: list[str]) -> None:
    """Restore access for an operator who lost their password, phone and recovery codes."""
    from contracts.common import NotFound
    from gateway.identity.rescue import rescue
    from servicekit.clock import SystemClock
    from servicekit.db import Database

    if len(arguments) != 1:
        sys.exit("usage: python -m ispos rescue-operator EMAIL")
    database = Database(_settings_of_running_system().gateway.database_url)
    try:
        with database.transaction() as session:
            password = rescue(session, arguments[0], now=SystemClock().now())
    except NotFound as error:
        sys.exit(error.message)
    print(f"{arguments[0]} can now log in with the password {password}. Change it on the Account page.")
    print("Two-factor authentication is off. All sessions were signed out and all API tokens revoked.")


def _settings_of_running_system() -> Installation:
    """Settings with the databases of a distributed system, if one is running on this data folder."""
    from ispos.distributed import databases_file

    kept = read_kept(databases_file(prepare_data_dir()))
    return read_installation({**kept, **os.environ})


def _settings() -> Installation:
    prepare_data_dir()
    return read_installation()


if __name__ == "__main__":
    main()
