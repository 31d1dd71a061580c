"""Settings of the RADIUS listener: it starts without the settings of the services."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from servicekit import environment
from servicekit.environment import number, setting
from servicekit.settings import EncryptionSettings, ProcessSettings, RadiusPorts

from radius_svc.listener.process.sockets import can_share_a_port

MAX_WORKERS = 64


@dataclass(frozen=True, kw_only=True)
class ListenerSettings(ProcessSettings, EncryptionSettings, RadiusPorts):
    database_url: str = setting(
        "RADIUS_DATABASE_URL",
        environment.database_url,
        default="",
        secret=True,
        missing="use sqlite:////path/name.db or postgresql://user:password@host/name",
        meaning="The database of radius-svc",
    )
    host: str = setting(
        "ISPOS_RADIUS_HOST",
        environment.text,
        default="0.0.0.0",
        meaning="Address the RADIUS listener binds to",
    )
    workers: int = setting(
        "ISPOS_RADIUS_WORKERS",
        number("a number of workers", 1, MAX_WORKERS),
        default=1,
        meaning=f"Number of processes that answer logins, up to {MAX_WORKERS} (Linux). `1` runs everything "
        "in one process and needs the least memory; with more, accounting gets a process of its own. For "
        "many subscribers, use as many as there are cores to spare",
    )
    spool_dir: Path = setting(
        "ISPOS_RADIUS_SPOOL_DIR",
        environment.folder,
        default_from=lambda earlier: earlier.data_dir / "spool",
        default_shown="`spool` in the data folder",
        meaning="Where accounting is kept on local disk while the database is down",
    )
    metrics_port: int | None = setting(
        "ISPOS_RADIUS_METRICS_PORT",
        environment.port_or_any,
        meaning="Port on which the listener serves Prometheus metrics, on all addresses",
    )
    status_secret: bytes | None = setting(
        "ISPOS_RADIUS_STATUS_SECRET",
        str.encode,
        secret=True,
        meaning="Secret with which a health check on the same machine may send Status-Server",
    )

    def mistakes(self) -> Iterable[str]:
        yield from super().mistakes()
        if self.workers > 1 and not can_share_a_port():
            yield "ISPOS_RADIUS_WORKERS: several workers need Linux; use 1"
