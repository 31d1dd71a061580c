"""The two keys of an installation: made at the first start, kept beside the data, never shown."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping
from pathlib import Path

from servicekit.secrets import new_key

MAKERS = {"ISPOS_SECRET_KEY": lambda: secrets.token_urlsafe(48), "ISPOS_ENCRYPTION_KEY": new_key}


def ensure_keys(data_dir: Path, environ: MutableMapping[str, str]) -> None:
    """Put both keys into the environment: those given, else those kept, else new ones that are kept."""
    path = data_dir / "keys.env"
    kept = dict(line.split("=", 1) for line in path.read_text().split()) if path.exists() else {}
    missing = {name: make() for name, make in MAKERS.items() if not environ.get(name) and name not in kept}
    if missing:
        kept.update(missing)
        _write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    for name in MAKERS:
        environ[name] = environ.get(name) or kept[name]


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by the owner only."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
