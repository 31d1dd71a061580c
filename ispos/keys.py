"""The data folder and the two keys of an installation, created at the first start and never shown."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from servicekit.environment import Reader
from servicekit.logs import configure_logging
from servicekit.secrets import new_key
from servicekit.settings import ProcessSettings

from ispos.preflight import CannotStart, cannot_write

MAKERS = {"ISPOS_SECRET_KEY": lambda: secrets.token_urlsafe(48), "ISPOS_ENCRYPTION_KEY": new_key}


def prepare_data_dir() -> Path:
    """Create the data folder and the keys if missing, and put the keys into the environment.

    Raises CannotStart if the folder cannot be written, or if it has encrypted data but no key.
    """
    # Only this account may read databases, keys and logs. Others may enter folders: under root, PostgreSQL
    # runs as another user.
    os.umask(0o066)
    os.environ.setdefault("ISPOS_LOG_LEVEL", "WARNING")
    # Errors in the environment are reported later, when the settings of all processes are read.
    configure_logging("isp-os", Reader().read(ProcessSettings).log_level)
    data_dir = Path(os.environ.get("ISPOS_DATA_DIR") or "data").absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _ensure_keys(data_dir, os.environ)
    except OSError as error:
        raise cannot_write(data_dir, error) from error
    return data_dir


def _ensure_keys(data_dir: Path, environ: MutableMapping[str, str]) -> None:
    """Put both keys into the environment, from there, from the file, or new ones, which are saved."""
    path = data_dir / "keys.env"
    kept = read_kept(path)
    missing = {name: make() for name, make in MAKERS.items() if not environ.get(name) and name not in kept}
    if "ISPOS_ENCRYPTION_KEY" in missing and _has_data(data_dir):
        raise CannotStart(
            f"{path} is missing. Without its ISPOS_ENCRYPTION_KEY, the passwords in {data_dir} cannot be "
            "read. Restore the file from your backup, or pass the key: ISPOS_ENCRYPTION_KEY=... make run"
        )
    if missing:
        kept.update(missing)
        keep_private(path, kept)
    for name in MAKERS:
        environ[name] = environ.get(name) or kept[name]


def _has_data(data_dir: Path) -> bool:
    """Whether the folder has data that may be encrypted with the key."""
    return any(data_dir.glob("*.db")) or (data_dir / "postgres").exists()


def read_kept(path: Path) -> dict[str, str]:
    """The variables in the file, or none if it does not exist."""
    return dict(line.split("=", 1) for line in path.read_text().split()) if path.exists() else {}


def keep_private(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file atomically, readable only by its owner."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
