"""python -m ispos run | demo | run-distributed | dead-letters [SERVICE [replay]]"""

import servicekit.green  # noqa: F401  # must come first

import os  # noqa: I001
import sys
from pathlib import Path

from servicekit.logs import configure_logging
from servicekit.settings import Settings, SettingsError, read_settings

from ispos.keys import ensure_keys
from ispos.preflight import CannotStart

EXIT_CONFIGURATION = 2


def main() -> None:
    arguments = sys.argv[1:] or ["run"]
    commands = {"run": run, "demo": demo, "run-distributed": run_distributed, "dead-letters": dead_letters}
    if arguments[0] not in commands:
        sys.exit(f"usage: python -m ispos {' | '.join(commands)}")
    try:
        commands[arguments[0]](arguments[1:])
    except (SettingsError, CannotStart) as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION)


def run(_arguments: list[str]) -> None:
    from ispos import embedded

    embedded.run(_settings())


def demo(_arguments: list[str]) -> None:
    from ispos import demo

    demo.run()


def run_distributed(_arguments: list[str]) -> None:
    from ispos import distributed

    distributed.run(_prepare_data_dir())


def dead_letters(arguments: list[str]) -> None:
    """List what the services gave up on; `replay` puts it back to be tried again."""
    from servicekit.db import Database
    from servicekit.runner import dead_letters

    settings = _settings()
    replay = "replay" in arguments
    for service, url in settings.database_urls.items():
        if service in arguments or not set(arguments) - {"replay"}:
            print(f"{service}:")
            dead_letters(Database(url), replay=replay)


def _settings() -> Settings:
    _prepare_data_dir()
    return read_settings()


def _prepare_data_dir() -> Path:
    """The data folder, with the keys of this installation in it and in the environment."""
    os.environ.setdefault("ISPOS_LOG_LEVEL", "WARNING")
    configure_logging("isp-os")
    data_dir = Path(os.environ.get("ISPOS_DATA_DIR") or "data").absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        ensure_keys(data_dir, os.environ)
    except OSError as error:
        raise CannotStart(
            f"The data folder {data_dir} cannot be written ({error.strerror}): "
            "choose another with ISPOS_DATA_DIR=/path make run"
        ) from error
    return data_dir


if __name__ == "__main__":
    main()
