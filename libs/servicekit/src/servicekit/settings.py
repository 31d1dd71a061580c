"""Settings that every process, every service, or every process with secrets needs.

What only one part needs is declared there: gateway/settings.py, radius_svc/settings.py and the RADIUS
listener's settings. Each process reads only its own class, so it needs no secret that it does not use.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from servicekit import environment
from servicekit.clock import Clock, clock_of
from servicekit.environment import EMBEDDED_BUS, SettingsError, choice, read_settings, setting
from servicekit.secrets import FieldCipher

__all__ = [
    "EMBEDDED_BUS",
    "EncryptingServiceSettings",
    "EncryptionSettings",
    "ProcessSettings",
    "RadiusPorts",
    "ServiceSettings",
    "SettingsError",
    "read_settings",
]

LOG_LEVELS = logging.getLevelNamesMapping()


def _log_level(given: str) -> int:
    parse = choice("a log level", LOG_LEVELS, "use DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return parse(given.upper())


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Needed by every process, the RADIUS listener included."""

    data_dir: Path = setting(
        "ISPOS_DATA_DIR",
        environment.folder,
        default_from=lambda _earlier: Path("data").absolute(),
        default_shown="`data` (`make demo`: `data/demo`)",
        meaning="Folder for databases, keys and process ids. One running system per folder",
    )
    movable_clock: bool = setting(
        "ISPOS_CLOCK",
        choice(
            "a clock",
            {"system": False, "movable": True},
            "use system (the default) or movable (demo and tests)",
        ),
        default=False,
        default_shown="`system`",
        meaning="`movable` lets `PUT /api/v1/clock` move business time, for demos and tests. `make demo` "
        "sets it",
    )
    log_level: int = setting(
        "ISPOS_LOG_LEVEL",
        _log_level,
        default=logging.INFO,
        default_shown="`WARNING` for `make` commands, `INFO` for a service that runs alone",
        meaning="Lowest level that is logged. Logs are JSON lines on standard error",
    )

    @property
    def clock(self) -> Clock:
        """A clock of business time, as ISPOS_CLOCK says."""
        return clock_of(self.data_dir, movable=self.movable_clock)

    def mistakes(self) -> Iterable[str]:
        """What is wrong with settings that depend on each other, in the style of the other messages."""
        return ()


@dataclass(frozen=True, kw_only=True)
class EncryptionSettings:
    """Needed by processes that store secrets or read them."""

    encryption_key: str = setting(
        "ISPOS_ENCRYPTION_KEY",
        environment.encryption_key,
        default="",
        default_shown="kept in `data/keys.env`",
        secret=True,
        missing="`make run` makes one and keeps it in the data folder",
        meaning="32 bytes in URL-safe base64. Encrypts PPPoE passwords, RADIUS secrets, "
        "two-factor secrets and stored API answers",
    )

    @cached_property
    def cipher(self) -> FieldCipher:
        return FieldCipher(self.encryption_key)


@dataclass(frozen=True, kw_only=True)
class RadiusPorts:
    """Where routers send RADIUS: for the listener, and for pages that say what to enter on a router."""

    auth_port: int = setting(
        "ISPOS_RADIUS_AUTH_PORT",
        environment.port_or_any,
        default=1812,
        meaning="UDP port for authentication",
    )
    acct_port: int = setting(
        "ISPOS_RADIUS_ACCT_PORT", environment.port_or_any, default=1813, meaning="UDP port for accounting"
    )


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(ProcessSettings):
    """Needed by every service and the gateway. `service` is the name of the service they are for."""

    service: str
    time_zone: ZoneInfo = setting(
        "ISPOS_TIME_ZONE",
        environment.time_zone,
        default=ZoneInfo("Asia/Manila"),
        meaning="The ISP's time zone, for due dates, the billing day and everything shown",
    )
    health_port: int | None = setting(
        "ISPOS_HEALTH_PORT",
        environment.port,
        meaning="Port for `/healthz`, `/readyz` and `/metrics` of a service process, on all addresses. The "
        "gateway's own `/metrics` then answers 404. `make run-distributed` chooses one for each process",
    )
    amqp_url: str = setting(
        "AMQP_URL",
        environment.bus_url,
        default=EMBEDDED_BUS,
        default_shown="embedded bus; `make run-distributed`: private RabbitMQ",
        secret=True,
        meaning="`amqp://user:password@host:5672/vhost`. Leave it unset for `make run`",
    )
    database_url: str = setting(
        "{SERVICE}_DATABASE_URL",
        environment.database_url,
        default_from=lambda earlier: f"sqlite:///{earlier.data_dir / earlier.service}.db",
        default_shown="`sqlite:///<data dir>/<service>.db`; `make run-distributed`: private PostgreSQL",
        secret=True,
        meaning="One database per service: `postgresql://user:password@host/name` or "
        "`sqlite:////path/name.db`. A RADIUS listener that runs alone needs `RADIUS_DATABASE_URL`. A "
        "connection pooler in front of that database must pool sessions, not transactions",
    )

    @property
    def embedded(self) -> bool:
        """Whether the bus is inside this process."""
        return self.amqp_url == EMBEDDED_BUS


@dataclass(frozen=True, kw_only=True)
class EncryptingServiceSettings(ServiceSettings, EncryptionSettings):
    """Needed by services that store secrets or read them."""
