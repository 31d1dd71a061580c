"""What the listener is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from servicekit.secrets import FieldCipher

from radius_svc.listener.process.sockets import can_share_a_port

MOST_WORKERS = 64


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
    workers: int
    spool_dir: Path
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
        workers=_workers(environ),
        spool_dir=Path(
            environ.get("ISPOS_RADIUS_SPOOL_DIR") or Path(environ.get("ISPOS_DATA_DIR") or "data") / "spool"
        ),
        status_secret=environ.get("ISPOS_RADIUS_STATUS_SECRET", "").encode() or None,
    )


def _workers(environ: Mapping[str, str]) -> int:
    value = environ.get("ISPOS_RADIUS_WORKERS") or "1"
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST_WORKERS:
        raise ConfigurationError(
            f"ISPOS_RADIUS_WORKERS: {value!r} is not a number of workers; use 1 to {MOST_WORKERS}"
        )
    if int(value) > 1 and not can_share_a_port():
        raise ConfigurationError("ISPOS_RADIUS_WORKERS: several workers need Linux; use 1")
    return int(value)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise ConfigurationError(f"{name}: {value!r} is not a port; use a number up to 65535")
    return int(value)
